{{- define "logpipeline-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of the operator's objects: `helm install logpipeline` gives logpipeline-operator, not logpipeline-logpipeline-operator.
     Leaves room for suffixes below the 63 characters of a label. */}}
{{- define "logpipeline-operator.fullname" -}}
{{- $name := include "logpipeline-operator.name" . -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if hasPrefix .Release.Name $name }}{{ $full = $name }}{{ end -}}
{{- if contains $name .Release.Name }}{{ $full = .Release.Name }}{{ end -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of cluster-scoped objects. For all namespaces it is fixed, so that Helm refuses a second such installation. */}}
{{- define "logpipeline-operator.clusterName" -}}
{{- if .Values.watchNamespaces -}}
{{- printf "%s-%s" (include "logpipeline-operator.fullname" .) .Release.Namespace -}}
{{- else -}}
logpipeline-operator
{{- end -}}
{{- end -}}

{{/* The namespaces that are watched, as a JSON list; empty for all. The canary lives in the release's, so that one is among them. */}}
{{- define "logpipeline-operator.namespaces" -}}
{{- $namespaces := .Values.watchNamespaces -}}
{{- if and $namespaces .Values.canary.enabled }}{{ $namespaces = append $namespaces .Release.Namespace }}{{ end -}}
{{- $namespaces | uniq | sortAlpha | toJson -}}
{{- end -}}

{{- define "logpipeline-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "logpipeline-operator.fullname" .) -}}
{{- end -}}

{{/* Labels of an object; call with (dict "root" $ "component" "operator"). */}}
{{- define "logpipeline-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "logpipeline-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: logpipeline
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: no version, so that a new chart alone does not restart it. */}}
{{- define "logpipeline-operator.podLabels" -}}
{{ include "logpipeline-operator.selectorLabels" . }}
app.kubernetes.io/part-of: logpipeline
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "logpipeline-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "logpipeline-operator.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels as key=value,key=value; call with a dict of them. */}}
{{- define "logpipeline-operator.labelList" -}}
{{- $pairs := list -}}
{{- range $key, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $key $value) }}{{ end -}}
{{- $pairs | join "," -}}
{{- end -}}

{{/* An image in full; call with (dict "root" $ "value" "connect" "repository" "kafka-connect"). */}}
{{- define "logpipeline-operator.image" -}}
{{- $images := .root.Values.images -}}
{{- get $images .value | default (printf "%s/%s:%s" $images.prefix .repository ($images.tag | default .root.Chart.AppVersion)) -}}
{{- end -}}

{{- define "logpipeline-operator.operatorImage" -}}
{{- include "logpipeline-operator.image" (dict "root" . "value" "operator" "repository" "operator") -}}
{{- end -}}

{{/* What the pods of the operator, the CRD job and the test have in common. */}}
{{- define "logpipeline-operator.podSettings" -}}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {}
{{- end -}}

{{/* Likewise of their containers. */}}
{{- define "logpipeline-operator.containerSettings" -}}
image: {{ include "logpipeline-operator.operatorImage" . }}
imagePullPolicy: {{ .Values.images.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{/* Annotations of what applies the CRD; call with the weight. */}}
{{- define "logpipeline-operator.crdsHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
# What failed stays, so that its log can be read.
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
