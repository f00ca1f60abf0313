// The projects that the scenarios push and run: 50 files, a configuration of about 20 lines, jobs without checkout.

/** What the first line of a job holds. It stands in no configuration, so an echo of the command is not taken for it. */
export const marker = 'first line 42'
const noOpCommand = 'echo "first line $((6 * 7))"'

/** Prints lines like those of real jobs: a million are about 73 MB that compress to about a quarter. */
export const logScript = (lines: number): string => `awk 'BEGIN {
  n = split("resolve fetch compile link copy check test pack sign verify", verbs, " ")
  seed = 42
  for (i = 1; i <= ${lines}; i++) {
    seed = (seed * 16807) % 2147483647
    printf "%s modules-%d/%s.o (%d bytes) in %d ms, from cache %08x\\n", verbs[1 + seed % n], i % 977, substr("abcdefghijklmnopqrstuvwxyz", 1 + seed % 20, 6), seed % 1000003, seed % 997, seed
  }
}'`

/**
 * `jobs-100`: a hundred no-op jobs at once; `cold-1`: one of a class for which no sandbox is kept ready; `log-1000`: one
 * that prints a thousand lines.
 */
export type ProjectKind = `jobs-${number}` | `cold-${number}` | `log-${number}`

export const projectFiles = (kind: ProjectKind): Readonly<Record<string, string>> => ({
  '.circleci/config.yml': configuration(kind),
  ...Object.fromEntries(
    Array.from({ length: 49 }, (_, i) => [`src/part-${i}.txt`, `Part ${i}.\n`.repeat(20)]),
  ),
})

const configuration = (kind: ProjectKind): string => {
  const [what, size] = kind.split('-')
  const count = Number(size)
  if (what === 'log') return document(logJob(count), ['log'])
  return document(what === 'cold' ? noOpJob('large') : noOpJob('small'), noOpNames(count))
}

const noOpNames = (count: number): readonly string[] =>
  count === 1 ? ['no-op'] : Array.from({ length: count }, (_, i) => `no-op:\n          name: no-op-${i + 1}`)

const document = (jobs: string, workflow: readonly string[]): string => `# A project of the bench.
version: 2.1

jobs:
${jobs}
workflows:
  main:
    jobs:
${workflow.map((job) => `      - ${job}\n`).join('')}`

const noOpJob = (resourceClass: string) => `  no-op:
    docker:
      - image: debian:12
    resource_class: ${resourceClass}
    environment:
      LANG: C.UTF-8
    steps:
      - run:
          name: Say one line
          command: ${noOpCommand}
`

const logJob = (lines: number): string => `  log:
    docker:
      - image: debian:12
    steps:
      - run:
          name: Write the file
          command: |
            ${logScript(lines).replaceAll('\n', '\n            ')} > /tmp/big
            ${noOpCommand}
      - run:
          name: Print it
          command: cat /tmp/big
`
