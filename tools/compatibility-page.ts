// docs/compatibility.md: what becomes of the real files of the corpus, made by compiling them. It needs the corpus, which
// lies beside the repository on development machines; corpus.test.ts compares it there.
import type { Problem } from '../src/base/problem.ts'
import { type CompileResult, compile, titleOf } from '../src/compile/index.ts'
import { corpusNames, corpusText, pushOf } from '../test/support/damaged-configurations.ts'
import { realProjects, realProjectsText } from './real-projects.ts'

/** Of every code that may stop a real file: what outside of it is missing, or what is its own fault. */
const explained: Readonly<Record<string, string>> = {
  MF2022: 'a fragment for another tool, not a configuration',
  MF2060: 'a public orb whose source is not here: `mayfly orb add`, or commit it below `.circleci/orbs/`',
  MF2063:
    'the file tests an orb that is packed in its place before it runs; in the repository its body is empty',
  MF2064: 'a template: the name of the orb is to be filled in',
  MF2101: 'a fragment for another tool, not a configuration',
  MF2107: "the file's own mistake, which its platform refuses too",
}

export const compatibilityPage = (): string => {
  const rows = corpusNames.map((name) => ({ name, result: compiled(name) }))
  const good = rows.filter(({ result }) => result.ok)
  return [
    '# Compatibility of the CircleCI dialect',
    '',
    `What becomes of ${rows.length} real configurations on a push to \`main\`, with no orb but those that a file brings itself.`,
    'Written by `node tools/docs.ts`, compared by a test; nobody edits it. Of your own file, `mayfly lint --report` says the same,',
    'construct by construct.',
    '',
    `${good.length} compile as they are. ${rows.length - good.length} name something outside of them, each with its line:`,
    '',
    ...Object.entries(explained).map(([code, why]) => `- **${code}** ${titleOf(code)}: ${why}.`),
    '',
    'With stand-ins for the orbs most used, the plans of those files are written down in',
    '`src/compile/dialects/circleci/testdata/corpus/`, a step a line.',
    '',
    '## Files',
    '',
    '| file | a push to `main` becomes | planned, and not carried out by this version |',
    '| --- | --- | --- |',
    ...rows.map(({ name, result }) => `| ${name} | ${outcomeOf(result)} | ${laterOf(result)} |`),
    '',
    ...missingPart(),
    ...realProjectsPart(),
    '## What stops a file',
    '',
    ...rows
      .filter(({ result }) => !result.ok)
      .flatMap(({ name, result }) => [`### ${name}`, '', ...errorsOf(result), '']),
  ].join('\n')
}

/** What nothing here carries out, of what real files ask for; the code and its tests are what makes these lines true. */
const missing: readonly (readonly [construct: string, becomes: string, instead: string])[] = [
  [
    '`circleci run oidc get` with an audience that is put together when the step runs',
    'there is no token for it: the command fails, and `lint` warns (MF2054)',
    'the audience written out, or a parameter',
  ],
  [
    'containers of `docker` after the first (services)',
    'planned; the job fails before its first step and names them',
    'a `run` step with `background: true` that starts the program',
  ],
  [
    '`setup_remote_docker`',
    'planned; the job fails before its first step and says so (MF2052)',
    'a tool that builds images without an engine',
  ],
  ['`macos`, Windows', 'planned; the job fails before its first step and says so', 'a job for Linux'],
  [
    'sizes of other machines in `resource_class` (ARM, GPU, macOS, Windows)',
    'planned; unless a runner offers a class of this name, the job fails before its first step and says so (MF2051)',
    'a size without them',
  ],
  [
    'images of `docker` and `machine`, with `auth`, `entrypoint`, `command` and `user`',
    "the job runs with the machine's own tools, and its page says so",
    'the programs it needs on the machine',
  ],
  [
    '`CIRCLE_PR_NUMBER`, `CIRCLE_PR_REPONAME`, `CIRCLE_PR_USERNAME`',
    'they are of pull requests from forks, which start no runs (MF2053)',
    '`CIRCLE_PULL_REQUEST`, where the delivery tells of one',
  ],
  ['`type: release`, `circleci run release`', 'planned and accepted; nothing is tracked', '–'],
  ['`install_signing_bundle`, `circleci_ip_ranges`', 'noted; the job goes on without', '–'],
  ['`with_tool_cache`', 'noted; its steps run without the cache', '`restore_cache` and `save_cache`'],
  [
    '`functions`, and steps that call one',
    'the file does not compile; the problem names the function and where it comes from (MF2105)',
    'what it does, as `run` steps or a command',
  ],
]

const missingPart = (): readonly string[] => [
  '## What is not carried out',
  '',
  '| in the file | becomes | instead |',
  '| --- | --- | --- |',
  ...missing.map(([construct, becomes, instead]) => `| ${construct} | ${becomes} | ${instead} |`),
  '',
]

const realProjectsPart = (): readonly string[] => [
  '## Real projects',
  '',
  ...realProjectsText,
  '',
  '| project | commit | by `mayfly run` | by a push | what did not run, and why |',
  '| --- | --- | --- | --- | --- |',
  ...realProjects.map(
    ({ name, commit, committed, ran, pushed, why }) =>
      `| ${name} | ${commit} of ${committed} | ${ran} | ${pushed ?? '–'} | ${why} |`,
  ),
  '',
]

const compiled = (name: string): CompileResult =>
  compile({
    files: new Map([['.circleci/config.yml', corpusText(name)]]),
    event: pushOf('main'),
    parameters: {},
    withConstructs: true,
  })

const outcomeOf = (result: CompileResult): string => {
  const errors = result.problems.filter(({ severity }) => severity === 'error')
  if (!result.ok) return [...new Set(errors.map(({ code }) => code))].join(', ')
  const jobs = result.plan.workflows.reduce((sum, workflow) => sum + workflow.jobs.length, 0)
  return jobs === 0
    ? 'nothing to run'
    : `${counted(result.plan.workflows.length, 'workflow')}, ${counted(jobs, 'job')}`
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

const laterCodes = ['MF2045', 'MF2052', 'MF2053']

/** The quoted words of the warnings, each once: `restore_cache` ×4. */
const laterOf = ({ problems }: CompileResult): string => {
  const words = problems
    .filter(({ code }) => laterCodes.includes(code))
    .map(({ message }) => /"([^"]+)"/.exec(message)?.[1] ?? message.split(';', 1)[0] ?? '')
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => (count === 1 ? word : `${word} ×${count}`)).join(', ') || '–'
}

const errorsOf = ({ problems }: CompileResult): readonly string[] =>
  problems.filter(({ severity }) => severity === 'error').map(errorLine)

const errorLine = ({ code, message, at }: Problem): string =>
  `- line ${at?.line ?? 1}: ${message} (${code}: ${explained[code] ?? 'not explained'})`
