package dev.logpipeline.connect.bulk;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Collection;

import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Trust in certificate authorities of one's own. */
public final class Tls {

    private Tls() {}

    /**
     * @param path a PEM file with one certificate or several
     * @throws IllegalArgumentException when it cannot be read as such; the message names the file
     */
    public static SSLContext context(String path) {
        try (InputStream file = Files.newInputStream(Path.of(path))) {
            Collection<? extends Certificate> authorities = CertificateFactory.getInstance("X.509").generateCertificates(file);
            if (authorities.isEmpty()) {
                throw new IllegalArgumentException(path + " holds no certificate in PEM");
            }
            return trusting(authorities);
        } catch (IOException | InvalidPathException e) {
            throw new IllegalArgumentException("cannot read the file " + path + ": " + e);
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException(path + " does not hold certificates in PEM: " + e.getMessage());
        }
    }

    private static SSLContext trusting(Collection<? extends Certificate> authorities) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int number = 0;
        for (Certificate authority : authorities) {
            store.setCertificateEntry("authority-" + number++, authority);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
