// The projects that the scenarios push and run: 50 files, a configuration of about 20 lines, jobs without checkout.

/** What the first line of a job holds. It stands in no configuration, so an echo of the command is not taken for it. */
export const marker = 'first line 42'
export const noOpCommand = 'echo "first line $((6 * 7))"'

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
 * `jobs-100`: a hundred no-op jobs at once; `cold-1`: one of a class for which no sandbox is kept ready; `chain-20`:
 * twenty, each after the one before; `fan-1000`: a thousand between one before and one after them; `log-1000`: one that
 * prints a thousand lines; `stamps-4` and `stamps-10000`: one that prints so many lines a second, each the moment of its
 * writing, for some seconds; `bombs-10`: one that takes what it can get for ten seconds.
 */
export type ProjectKind = `${keyof typeof configurations}-${number}`

export const projectFiles = (kind: ProjectKind): Readonly<Record<string, string>> => ({
  '.circleci/config.yml': configuration(kind),
  ...Object.fromEntries(
    Array.from({ length: 49 }, (_, i) => [`src/part-${i}.txt`, `Part ${i}.\n`.repeat(20)]),
  ),
})

const configuration = (kind: ProjectKind): string => {
  const [what, size] = kind.split('-') as [keyof typeof configurations, string]
  return configurations[what](Number(size))
}

const configurations = {
  jobs: (count: number) => document(noOpJob('small'), noOpNames(count)),
  cold: (count: number) => document(noOpJob('large'), noOpNames(count)),
  chain: (count: number) => document(noOpJob('small'), chainNames(count)),
  fan: (count: number) => document(noOpJob('small'), fanNames(count)),
  log: (lines: number) => document(logJob(lines), ['log']),
  stamps: (perSecond: number) => document(scriptJob('stamps', stampScript(perSecond)), ['stamps']),
  bombs: (seconds: number) => document(scriptJob('bombs', bombScript(seconds)), ['bombs']),
}

const noOpNames = (count: number): readonly string[] =>
  count === 1 ? ['no-op'] : Array.from({ length: count }, (_, i) => `no-op:\n          name: no-op-${i + 1}`)

const named = (name: string, ...needs: readonly string[]): string =>
  `no-op:\n          name: ${name}${needs.length === 0 ? '' : `\n          requires: [${needs.join(', ')}]`}`

const chainNames = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => named(`no-op-${i + 1}`, ...(i === 0 ? [] : [`no-op-${i}`])))

const fanNames = (count: number): readonly string[] => {
  const middle = Array.from({ length: count }, (_, i) => `no-op-${i + 1}`)
  return [named('first'), ...middle.map((name) => named(name, 'first')), named('last', ...middle)]
}

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

const scriptJob = (name: string, script: string) => `  ${name}:
    docker:
      - image: debian:12
    resource_class: small
    steps:
      - run:
          name: Run it
          command: |
            ${script.replaceAll('\n', '\n            ')}
`

/** How long jobs of `stamps` print. */
export const stampSeconds = 6

/** Milliseconds since 1970, in pieces of a hundredth of a second where there are many. */
const stampScript = (perSecond: number): string => {
  const pauseMs = Math.max(10, 1000 / perSecond)
  const atOnce = (perSecond * pauseMs) / 1000
  const pieces = (stampSeconds * 1000) / pauseMs
  return `perl -MTime::HiRes=time,sleep -e '$| = 1; for (1 .. ${pieces}) { print((sprintf("%.3f", time * 1000) . "\n") x ${atOnce}); sleep ${pauseMs / 1000} }'`
}

/** Processor, memory, disk and log at once; what of it is killed changes nothing for the rest. */
const bombScript = (
  seconds: number,
): string => `for i in 1 2 3 4; do timeout ${seconds} sh -c 'while :; do :; done' & done
timeout ${seconds} sh -c 'while :; do head -c 8G /dev/zero | tail; done' > /dev/null 2>&1 &
timeout ${seconds} sh -c 'while :; do dd if=/dev/zero of=/tmp/bomb bs=1M; done' > /dev/null 2>&1 &
timeout ${seconds} sh -c 'while :; do yes "a line of a bomb" | head -c 2000000; sleep 0.2; done' || true
wait || true`
