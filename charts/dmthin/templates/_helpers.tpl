{{/* Names do not depend on the release: the driver's name is the cluster's, so there can be one installation only. */}}

{{- define "dmthin.driver" -}}csi.dmthin.io{{- end }}

{{- define "dmthin.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* Of pods, for ever: selectors cannot be changed. Takes the component. */}}
{{- define "dmthin.selector" -}}
app.kubernetes.io/name: dmthin
app.kubernetes.io/component: {{ . }}
{{- end }}

{{/* Of pods: no versions, so that they are replaced only where something in them is another. Takes {root, component}. */}}
{{- define "dmthin.podLabels" -}}
{{ include "dmthin.selector" .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* Takes {root, component}. */}}
{{- define "dmthin.labels" -}}
{{ include "dmthin.selector" .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ include "dmthin.chart" .root }}
{{- end }}

{{- define "dmthin.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end }}

{{/* Of everything that is not the driver or its guard. */}}
{{- define "dmthin.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "dmthin.pluginDirectory" -}}
{{ .Values.kubeletDirectory }}/plugins/{{ include "dmthin.driver" . }}
{{- end }}

{{/* The configuration of a node's driver but for its pools. A change of it needs a restart. */}}
{{- define "dmthin.node.fixed" -}}
endpoint: unix://{{ include "dmthin.pluginDirectory" . }}/csi.sock
kubeletDirectory: {{ .Values.kubeletDirectory | quote }}
stateDirectory: /run/dmthin
logLevel: {{ .Values.logLevel }}
maxVolumes: {{ .Values.maxVolumes }}
guard:
  socket: /run/dmthin/guard.sock
metrics:
  listen: {{ printf "%s:%v" .Values.listenAddress .Values.node.ports.metrics | quote }}
cluster:
  listen: {{ printf "%s:%v" .Values.listenAddress .Values.node.ports.controllers | quote }}
  enrol:
    controller: dmthin-controller.{{ .Release.Namespace }}.svc:{{ .Values.controller.ports.enrol }}
    ca: /run/secrets/csi.dmthin.io/ca/ca.crt
    token: /run/secrets/csi.dmthin.io/token/token
{{- end }}

{{/* Takes {pools, defaultPool}. */}}
{{- define "dmthin.node.pools" -}}
{{- if .defaultPool -}}
defaultPool: {{ .defaultPool | quote }}
{{ end -}}
pools:
  {{- toYaml .pools | nindent 2 }}
{{- end }}

{{- define "dmthin.controller.configuration" -}}
endpoint: unix:///run/csi/csi.sock
logLevel: {{ .Values.logLevel }}
stateDirectory: /run/dmthin
metrics:
  listen: {{ printf "%s:%v" .Values.listenAddress .Values.controller.ports.metrics | quote }}
kubernetes:
  namespace: {{ .Release.Namespace }}
  authority: dmthin-ca
  lease: dmthin-controller
  serviceAccount: dmthin-node
  podLabel: dmthin.io/pod=node
  nodePort: {{ .Values.node.ports.controllers }}
  enrol: {{ printf "%s:%v" .Values.listenAddress .Values.controller.ports.enrol | quote }}
  orphans:
    every: {{ .Values.controller.orphans.every }}
    grace: {{ .Values.controller.orphans.grace }}
    notes: dmthin-orphans
{{- end }}

{{/* What sidecars with an API client have in common. Takes {root, port, qps, burst}. */}}
{{- define "dmthin.sidecarFlags" -}}
{{- $election := .root.Values.sidecars.leaderElection -}}
- --csi-address=/run/csi/csi.sock
- --leader-election
- --leader-election-namespace=$(NAMESPACE)
- --leader-election-lease-duration={{ $election.leaseDuration }}
- --leader-election-renew-deadline={{ $election.renewDeadline }}
- --leader-election-retry-period={{ $election.retryPeriod }}
- --kube-api-qps={{ .qps }}
- --kube-api-burst={{ .burst }}
- --http-endpoint=:{{ .port }}
- --v={{ .root.Values.sidecars.verbosity }}
{{- end }}

{{/* The leader that cannot renew its lease is restarted. Takes the port. */}}
{{- define "dmthin.sidecarProbe" -}}
livenessProbe:
  httpGet:
    path: /healthz/leader-election
    port: {{ . }}
  initialDelaySeconds: 10
  timeoutSeconds: 10
  periodSeconds: 20
  failureThreshold: 3
{{- end }}

{{- define "dmthin.identityEnv" -}}
- name: NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}
