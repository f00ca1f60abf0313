// The compile program: runs in a sandbox without network, files or secrets, reads one request from stdin and writes
// one answer to stdout. The runner keeps one waiting: it says `ready` when everything is loaded, warms up while nobody
// asks, and blocks on stdin for as long as its sandbox lives; the runner owns the deadline of both waits. What it reads
// is hostile.
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type CompileInput,
  checkOrb,
  choosePaths,
  compile,
  formatProblems,
  mergeConfigs,
} from '../compile/index.ts'
import {
  type ChooseAnswer,
  type CompileAnswer,
  compileAnswerBytesMax,
  compileReadyLine,
  compileRequestBytesMax,
  type MergeAnswer,
  type OrbAnswer,
  parseCompileRequest,
  type SourceText,
} from '../protocol/compile.ts'
import { handBack } from '../sys/index.ts'

const defectExit = 70
const requestExit = 2

/** Enough rounds for the hot paths to be optimised. Measured from request to end: a small file 15 ms, the largest real one 60. */
const warmUpRounds = 40

const warmUpText = `version: 2.1
parameters: {deep: {type: boolean, default: true}}
executors:
  linux: {parameters: {tag: {type: string, default: "1"}}, docker: [{image: "alpine:<< parameters.tag >>"}]}
commands:
  greet:
    parameters: {to: {type: string}}
    steps: [{run: {name: greet, command: "echo << parameters.to >>", environment: {A: 1}}}]
jobs:
  build: &build
    executor: linux
    environment: {B: "2"}
    steps: [checkout, {greet: {to: world}}, {when: {condition: << pipeline.parameters.deep >>, steps: [{run: ls}]}}]
  test: {<<: *build, parameters: {n: {type: integer}}, parallelism: << parameters.n >>}
workflows:
  all:
    when: pipeline.git.branch == "main"
    jobs: [build, {test: {requires: [build], matrix: {parameters: {n: [1, 2]}}, filters: {branches: {only: /ma.*/}}}}]
`

/** After the collection, which takes what V8 knew of the objects that the hot paths meet. */
const roundsAfterwards = 3

/** A round at a time, so that a request waits for one at most. */
const warmUp = async (rounds: number, isAsked: () => boolean): Promise<void> => {
  const input: CompileInput = {
    files: new Map([['.circleci/config.yml', warmUpText]]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: '0'.repeat(40), branch: 'main', tag: null },
    parameters: {},
  }
  for (let round = 0; round < rounds && !isAsked(); round++) {
    const result = compile(input)
    if (!result.ok)
      throw new Error(`the built-in configuration does not compile: ${JSON.stringify(result.problems)}`)
    await nextTurn()
  }
}

/** null: more than the limit. */
const readBounded = async (stream: AsyncIterable<Buffer>, onBegin: () => void): Promise<string | null> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    onBegin()
    size += chunk.length
    if (size > compileRequestBytesMax) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

type Answer = CompileAnswer | ChooseAnswer | MergeAnswer | OrbAnswer

const answerTo = (text: string): Answer | { readonly refused: string } => {
  const request = parseCompileRequest(parseJson(text))
  if (!request.ok) return { refused: request.problems.map(({ message }) => message).join('; ') }
  if ('choose' in request.value) return choosePaths(request.value.choose, request.value.choose.changed)
  if ('merge' in request.value) return mergeConfigs(request.value.merge.sources)
  if ('orb' in request.value) return judgeOrb(request.value.orb)
  const { v: _, files, orbs, untrustedInScripts, constructs, ...given } = request.value
  return compile({
    ...given,
    withConstructs: constructs === true,
    files: new Map(Object.entries(files)),
    orbs: new Map(Object.entries(orbs ?? {})),
    untrustedInScripts: untrustedInScripts === true,
  })
}

const orbProblemsMax = 3

const judgeOrb = (orb: SourceText): OrbAnswer => {
  const checked = checkOrb(orb)
  if (checked.ok) return { ok: true }
  const errors = checked.problems.filter(({ severity }) => severity === 'error')
  const more = errors.length - orbProblemsMax
  const words = formatProblems(errors.slice(0, orbProblemsMax))
  return { ok: false, words: more > 0 ? `${words}and ${more} more` : words.trimEnd() }
}

/** An answer that cannot be sent becomes one that can: a plan of such a size is a mistake, or an attack. */
const serialise = (answer: Answer): string => {
  const text = JSON.stringify(answer)
  if (Buffer.byteLength(text) <= compileAnswerBytesMax) return text
  const message = `the plan and its origins have more than ${compileAnswerBytesMax / 1024 / 1024} MiB`
  const problem = { code: 'MF2030', severity: 'error', message, at: null, frame: [], help: null } as const
  return JSON.stringify({ ok: false, problems: [problem] } satisfies CompileAnswer)
}

const refuse = (reason: string): void => {
  process.stderr.write(`compile: ${reason}\n`)
  process.exitCode = requestExit
}

const start = async (): Promise<void> => {
  // Nothing here depends on the environment. The parser asks it at every token whether to log them, and the real one answers
  // through C: a fifth of the time of parsing.
  process.env = {}
  process.stdout.write(compileReadyLine)
  let isAsked = false
  const reading = readBounded(process.stdin, () => {
    isAsked = true
  })
  await warmUp(warmUpRounds, () => isAsked)
  // It waits for long, and what its warming up has left would wait with it.
  if (!isAsked) handBack()
  await warmUp(roundsAfterwards, () => isAsked)
  const text = await reading
  if (text === null) {
    refuse(`the request is larger than ${compileRequestBytesMax} bytes`)
    process.stdin.destroy()
    return
  }
  const answer = answerTo(text)
  if ('refused' in answer) refuse(`the request is malformed: ${answer.refused}`)
  // Nothing is left to tidy: its process, its memory and its sandbox are thrown away.
  else process.stdout.write(`${serialise(answer)}\n`, () => process.exit())
}

start().catch((error: unknown) => {
  process.stderr.write(`compile: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = defectExit
})
