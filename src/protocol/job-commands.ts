// The commands of ours that every job finds on its PATH. The jailer keeps them beside the other files of a nest, so that
// no job pays for making them; what they leave behind is read by the shell around a step (runner/steps/shell.ts).

export const jobCommandsPath = '/etc/mayfly/bin'

/** There once a step has asked to end the job after it. */
export const haltPath = '/tmp/.mayfly-halt'

const circleci = `#!/bin/sh
case "\${1:-} \${2:-}" in
  'step halt') : > ${haltPath} ;;
  *) echo "\${0##*/} $*: this version of Mayfly does not provide it" >&2; exit 1 ;;
esac
`

/** Text by name. */
export const jobCommands: Readonly<Record<string, string>> = { circleci, 'circleci-agent': circleci }
