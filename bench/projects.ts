// The projects that the scenarios push and run: 50 files, a configuration of about 20 lines, jobs without checkout.

/** What the first line of a job holds. It stands in no configuration, so an echo of the command is not taken for it. */
export const marker = 'first line 42'
export const noOpCommand = 'echo "first line $((6 * 7))"'

export const linesOfLog = 1_000_000

/** Prints `linesOfLog` lines like those of real jobs: about 73 MB that compress to about a quarter. */
export const logScript = `awk 'BEGIN {
  n = split("resolve fetch compile link copy check test pack sign verify", verbs, " ")
  seed = 42
  for (i = 1; i <= ${linesOfLog}; i++) {
    seed = (seed * 16807) % 2147483647
    printf "%s modules-%d/%s.o (%d bytes) in %d ms, from cache %08x\\n", verbs[1 + seed % n], i % 977, substr("abcdefghijklmnopqrstuvwxyz", 1 + seed % 20, 6), seed % 1000003, seed % 997, seed
  }
}'`

export type ProjectKind = 'no-op' | 'hundred' | 'log'

export const projectFiles = (kind: ProjectKind): Readonly<Record<string, string>> => ({
  '.circleci/config.yml': configurations[kind],
  ...Object.fromEntries(
    Array.from({ length: 49 }, (_, i) => [`src/part-${i}.txt`, `Part ${i}.\n`.repeat(20)]),
  ),
})

const configuration = (jobs: string, workflow: string): string => `# A project of the bench.
version: 2.1

jobs:
${jobs}
workflows:
  main:
    jobs:
${workflow}`

const noOp = `  no-op:
    docker:
      - image: debian:12
    environment:
      LANG: C.UTF-8
    steps:
      - run:
          name: Say one line
          command: ${noOpCommand}
`

const log = `  log:
    docker:
      - image: debian:12
    steps:
      - run:
          name: Write the file
          command: |
            ${logScript.replaceAll('\n', '\n            ')} > /tmp/big
            ${noOpCommand}
      - run:
          name: Print it
          command: cat /tmp/big
`

const configurations: Readonly<Record<ProjectKind, string>> = {
  'no-op': configuration(noOp, '      - no-op\n'),
  hundred: configuration(
    noOp,
    Array.from({ length: 100 }, (_, i) => `      - no-op:\n          name: no-op-${i + 1}\n`).join(''),
  ),
  log: configuration(log, '      - log\n'),
}
