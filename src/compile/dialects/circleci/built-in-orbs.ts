// Orbs whose purpose is to talk to the platform (config-dialects.md §2.7): whatever version a file asks for, these stand
// in their place. Their bodies use two steps of our own, which mean something in these bodies only (continuation.ts).

import type { OrbReference, OrbText } from './orb-source.ts'

export const builtInPath = 'built-in:'

const continuation = `version: 2.1
commands:
  continue:
    parameters: &continue
      configuration_path: {type: string}
      parameters: {type: string, default: "{}"}
      circleci_domain: {type: string, default: ""}
    steps:
      - continue-with: {path: << parameters.configuration_path >>, parameters: << parameters.parameters >>}
jobs:
  continue:
    parameters: *continue
    machine: true
    steps:
      - continue-with: {path: << parameters.configuration_path >>, parameters: << parameters.parameters >>}
`

const pathFiltering = `version: 2.1
commands:
  set-parameters:
    parameters: &filter
      base-revision: {type: string, default: main}
      mapping: {type: string}
      exclude: {type: string, default: ""}
      output-path: {type: string, default: ""}
      config-path: {type: string, default: .circleci/continue_config.yml}
      circleci_domain: {type: string, default: ""}
      workspace_path: {type: string, default: ""}
      same-base-run: {type: boolean, default: true}
    steps:
      - filter-paths: &paths {mapping: << parameters.mapping >>, exclude: << parameters.exclude >>}
  generate-config:
    parameters:
      config-list-path: {type: string, default: ""}
      generated-config-path: {type: string, default: ""}
    steps:
      - filter-paths: {mapping: "", exclude: ""}
jobs:
  filter:
    parameters:
      <<: *filter
      tag: {type: string, default: ""}
      resource_class: {type: string, default: small}
    machine: true
    resource_class: << parameters.resource_class >>
    steps:
      - filter-paths: *paths
      - continue-with: {path: << parameters.config-path >>, parameters: "{}"}
`

const bodies: ReadonlyMap<string, string> = new Map([
  ['circleci/continuation', continuation],
  ['circleci/path-filtering', pathFiltering],
])

export const builtInOrb = ({ name, version }: OrbReference): OrbText | null => {
  const text = bodies.get(name)
  return text === undefined ? null : { id: `${name}@${version}`, path: `${builtInPath}${name}`, text }
}
