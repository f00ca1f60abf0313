// The job's socket (trust-model.md §4.8), for jobs that may sign: a connection says one line and is answered with one. What comes is
// hostile: bounded in length, number and time; one question at a time is carried on. It opens no door: what may be signed, and
// for which step, is not in the line.
import type { Socket } from 'node:net'
import { fromBase64Url, toBase64 } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import { jobSocketLineMax, parseSocketRequest } from '../../protocol/signing.ts'
import type { Sandbox, StepSpec } from '../../sandbox/index.ts'
import { jobSocketMs, jobSocketsMax, putFileMs } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { type AttemptSink, gatherStream } from '../sink.ts'
import type { Signing } from './server-signing.ts'

type Of = {
  readonly sandbox: Sandbox
  readonly signing: Signing
  readonly sink: Pick<AttemptSink, 'event'>
  /** The number of the step that runs now; of several, the one in the foreground. */
  readonly step: () => number
}

/** It listens for all steps of the job, and answers nothing any more once `signal` aborts. */
export const openJobSocket = async (of: Of, signal: AbortSignal): Promise<void> => {
  const answer = createAnswer(of, signal)
  let open = 0
  const onConnection = (connection: Socket): void => {
    if (signal.aborted || open >= jobSocketsMax) return void connection.destroy()
    open++
    connection.once('close', () => {
      open--
    })
    serve(connection, answer)
  }
  const said = gatherStream(0).stream
  await of.sandbox.exec(socketStep, { stdin: null, stdout: said, stderr: said, onConnection }, signal)
}

/** A step of our own that does nothing: the socket it asks for stays. */
const socketStep: StepSpec = {
  ...{
    id: 'job-socket',
    kind: 'background',
    cell: 'job',
    script: { argv: ['/bin/sh', '-c', ':'] },
    env: new Map(),
  },
  ...ownStep,
  socket: 'job',
  deadline: putFileMs,
}

const serve = (connection: Socket, answer: (line: string) => Promise<object>): void => {
  let held = ''
  connection.setTimeout(jobSocketMs, () => connection.destroy())
  connection.setEncoding('utf8')
  connection.on('data', (text: string) => {
    held += text
    const end = held.indexOf('\n')
    if (end < 0 && held.length <= jobSocketLineMax) return
    connection.pause()
    connection.removeAllListeners('data')
    if (end < 0 || end > jobSocketLineMax) return void connection.destroy()
    const reply = (said: object) => void connection.end(`${JSON.stringify(said)}\n`)
    answer(held.slice(0, end)).then(reply, () => connection.destroy())
  })
}

type Answer = { readonly signature: string; readonly algorithm: string } | { readonly message: string }

const createAnswer = ({ signing, sink, step }: Of, signal: AbortSignal) => {
  let last: Promise<unknown> = Promise.resolve()
  const signNow = async (line: string): Promise<Answer> => {
    if (signal.aborted) return { message: 'the job has ended' }
    const asked = parseSocketRequest(parseJson(line))
    if (!asked.ok)
      return { message: 'a question has a verb, a name and a digest as sha256:, sha384: or sha512:' }
    const { name, digest } = asked.value
    if (!signing.names.includes(name)) return { message: notForThis(name, signing.names) }
    try {
      const { algorithm, signature } = await signing.sign(step(), asked.value, signal)
      if (signal.aborted) return { message: 'the job has ended' }
      sink.event({ kind: 'note', text: `signed ${digest} with ${name}` })
      return { algorithm, signature: toBase64(fromBase64Url(signature) ?? new Uint8Array(0)) }
    } catch (error) {
      return {
        message: isFault(error) ? plain(`${error.public}  [${error.row.number}]`) : 'nothing was signed',
      }
    }
  }
  return (line: string): Promise<Answer> => {
    const answer = last.then(() => signNow(line))
    last = answer.catch(() => undefined)
    return answer
  }
}

const notForThis = (name: string, names: readonly string[]): string =>
  `this job may not sign with ${name}: there is no secret of kind signing by that name whose policy admits its ref and its event; it may sign with ${names.join(', ')}`

/** Read by a shell command of ours that knows no escapes. */
const plain = (text: string): string => text.replaceAll(/["\\\p{C}]/gu, ' ')

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
