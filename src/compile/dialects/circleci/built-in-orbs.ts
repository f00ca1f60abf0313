// Orbs whose purpose is to talk to the platform (config-dialects.md §2.7): whatever version a file asks for, these stand
// in their place, with the parameters that any of their versions takes. Their bodies use steps of our own (setup-steps.ts).

import { createProblems } from '../../problems.ts'
import { loadYaml } from '../../source/load.ts'
import type { SourceNode } from '../../source/node.ts'
import type { OrbReference, OrbText } from './orb-source.ts'

export const builtInPath = 'built-in:'

const continuation = `version: 2.1
executors:
  default: {parameters: {tag: {type: string, default: ""}}, machine: true, resource_class: small}
commands:
  continue:
    parameters:
      configuration_path: {type: string}
      parameters: {type: string, default: "{}"}
      circleci_domain: {type: string, default: ""}
      when: {type: enum, enum: [on_success, on_fail, always], default: on_success}
      files_changed: {type: string, default: /tmp/files-changed-list}
      parameter_for_files_changed: {type: string, default: ""}
    steps:
      - continue-with:
          path: << parameters.configuration_path >>
          parameters: << parameters.parameters >>
          when: << parameters.when >>
          changed: << parameters.files_changed >>
          changed-parameter: << parameters.parameter_for_files_changed >>
  finish:
    parameters: {circleci_domain: {type: string, default: ""}}
    steps: [continue-with-nothing: {}]
jobs:
  continue:
    parameters:
      configuration_path: {type: string}
      parameters: {type: string, default: "{}"}
      circleci_domain: {type: string, default: ""}
      checkout: {type: boolean, default: true}
      workspace_path: {type: string, default: ""}
      resource_class: {type: string, default: small}
      circleci_ip_ranges: {type: boolean, default: false}
      executor: {type: executor, default: default}
    executor: << parameters.executor >>
    resource_class: << parameters.resource_class >>
    steps:
      - when: {condition: << parameters.checkout >>, steps: [checkout]}
      - when: {condition: << parameters.workspace_path >>, steps: [attach_workspace: {at: << parameters.workspace_path >>}]}
      - continue-with: {path: << parameters.configuration_path >>, parameters: << parameters.parameters >>}
`

const pathFiltering = `version: 2.1
executors:
  default:
    parameters: {tag: {type: string, default: ""}, resource_class: {type: string, default: small}}
    machine: true
    resource_class: << parameters.resource_class >>
commands:
  set-parameters:
    parameters: &filter
      base-revision: {type: string, default: main}
      mapping: {type: string, default: ""}
      exclude: {type: string, default: ""}
      output-path: {type: string, default: /tmp/pipeline-parameters.json}
      config-path: {type: string, default: .circleci/continue_config.yml}
      same-base-run: {type: boolean, default: true}
    steps:
      - filter-paths: &paths
          base: << parameters.base-revision >>
          same-base: "<< parameters.same-base-run >>"
          mapping: << parameters.mapping >>
          exclude: << parameters.exclude >>
          parameters: << parameters.output-path >>
          files: /tmp/filtered-config-list
          file: << parameters.config-path >>
          changed: /tmp/files-changed-list
  generate-config:
    parameters:
      config-list-path: {type: string, default: /tmp/filtered-config-list}
      generated-config-path: {type: string, default: /tmp/generated-config.yml}
    steps:
      - merge-configs: {files: << parameters.config-list-path >>, path: << parameters.generated-config-path >>}
jobs:
  filter:
    parameters:
      <<: *filter
      checkout: {type: boolean, default: true}
      checkout_method: {type: enum, enum: [full, blobless], default: full}
      workspace_path: {type: string, default: ""}
      circleci_domain: {type: string, default: ""}
      circleci_ip_ranges: {type: boolean, default: false}
      debug: {type: boolean, default: false}
      executor: {type: executor, default: default}
      parameter_for_files_changed: {type: string, default: ""}
      resource_class: {type: string, default: small}
      tag: {type: string, default: ""}
    executor: << parameters.executor >>
    resource_class: << parameters.resource_class >>
    steps:
      - when: {condition: << parameters.checkout >>, steps: [checkout: {method: << parameters.checkout_method >>}]}
      - when: {condition: << parameters.workspace_path >>, steps: [attach_workspace: {at: << parameters.workspace_path >>}]}
      - filter-paths: *paths
      - unless:
          condition: << parameters.debug >>
          steps:
            - continue-with:
                path: << parameters.config-path >>
                files: /tmp/filtered-config-list
                parameters: << parameters.output-path >>
                changed: /tmp/files-changed-list
                changed-parameter: << parameters.parameter_for_files_changed >>
`

const bodies: ReadonlyMap<string, string> = new Map([
  ['circleci/continuation', continuation],
  ['circleci/path-filtering', pathFiltering],
])

export const builtInOrb = ({ name, version }: OrbReference): OrbText | null => {
  const text = bodies.get(name)
  if (text === undefined) return null
  const path = `${builtInPath}${name}`
  return { id: `${name}@${version}`, path, text, document: () => documentOf(path, text) }
}

const documents = new Map<string, SourceNode | null>()

/** They never change: each is read once for all compiles of a process, and nobody writes to a node. */
const documentOf = (path: string, text: string): SourceNode | null => {
  const document = documents.get(path) ?? loadYaml(path, text, createProblems())
  documents.set(path, document)
  return document
}
