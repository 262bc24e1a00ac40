{{/* What the operator may do in every namespace whose pipelines it runs. */}}
{{- define "logpipeline-operator.pipelineRules" -}}
{{- $children := list "get" "list" "watch" "create" "patch" "delete" -}}
- apiGroups: [logpipeline.dev]
  resources: [logpipelines]
  verbs: [get, list, watch]
- apiGroups: [logpipeline.dev]
  resources: [logpipelines/status]
  verbs: [get, patch, update]
# ownerReferences that block deletion, where OwnerReferencesPermissionEnforcement is on (OpenShift).
- apiGroups: [logpipeline.dev]
  resources: [logpipelines/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: {{ toJson $children }}
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: {{ toJson $children }}
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, serviceaccounts, services]
  verbs: {{ toJson $children }}
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: {{ toJson $children }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: {{ toJson $children }}
# A goal with executors gets a Role over pods; Kubernetes lets no one grant what he does not hold, so the next rule holds exactly that.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: {{ toJson $children }}
- apiGroups: [""]
  resources: [pods]
  verbs: [create, get, list, watch, delete, deletecollection]
# Only those that a pipeline names, and those that are generated for it, which are never changed; no list, no watch.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
# Only those about a StatefulSet that lacks pods; why they are refused is said nowhere else.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end -}}

{{/* So that the operator refuses to work with a CRD older than itself. */}}
{{- define "logpipeline-operator.crdRule" -}}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [logpipelines.logpipeline.dev]
  verbs: [get]
{{- end -}}
