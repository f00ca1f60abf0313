// Plays a scene: opens the sandboxes its acts name, runs the acts in order, keeps those in the background until the end,
// and lets the judge see every line together with what arrived outside. An act that did not come to its end makes the
// scene `not-run`, as a probe that says nothing does.
import { Writable } from 'node:stream'
import type { EgressPolicy, ProbeResult, Sandbox, StepResult } from '../driver.ts'
import type { ProbeHost } from './host.ts'
import { judgeOutput, programFor, watchHost } from './run.ts'
import type { NestName, Outside, Scene, StepAct } from './scene.ts'

export type StageDeps = {
  readonly host: ProbeHost
  readonly open: (egress: EgressPolicy) => Promise<Sandbox>
  /** From now on names lead there. */
  readonly setNames: (names: NonNullable<Scene['names']>) => void
  /** What stand-ins of the outside have seen since the scene began: `arrived: …`, `heard: …`, `asked: …`. */
  readonly arrivals: () => Promise<readonly string[]>
  readonly scan: Outside['scan']
  readonly signal: AbortSignal
}

/** Every act of a scene ends within this. */
const actSeconds = 40
const nothing: EgressPolicy = { mode: 'list', allow: [], privateRanges: [] }

type Play = {
  readonly scene: Scene
  readonly deps: StageDeps
  readonly sandboxes: Map<NestName, Sandbox>
  readonly behind: Promise<unknown>[]
  readonly curtain: AbortController
  /** Printed by programs, in the form of program.ts. */
  readonly printed: string[]
  readonly results: StepResult[]
  readonly missing: string[]
}

export const playScene = async (scene: Scene, deps: StageDeps): Promise<ProbeResult> => {
  const curtain = new AbortController()
  const play: Play = {
    ...{ scene, deps, curtain, sandboxes: new Map(), behind: [], printed: [], results: [], missing: [] },
  }
  deps.setNames(scene.names ?? {})
  await deps.arrivals()
  const watch = watchHost(deps.host)
  try {
    for (const [i, act] of scene.acts.entries())
      if ('outside' in act) tell(play, await act.outside(outsideOf(play)))
      else await step(play, act, i)
    tell(play, await deps.arrivals())
    const records = [...play.sandboxes.values()].flatMap((sandbox) => sandbox.egress())
    return judgeOf(play, watch(records))
  } finally {
    curtain.abort()
    await Promise.allSettled(play.behind)
    for (const sandbox of play.sandboxes.values()) await sandbox.close('done')
  }
}

const tell = ({ scene, printed }: Play, lines: readonly string[]): void => {
  printed.push(...lines.map((line) => `${scene.id}\t${line}\n`))
}

const linesOf = ({ printed }: Play): readonly string[] =>
  printed
    .join('')
    .split('\n')
    .flatMap((line) => (line.includes('\t') ? [line.slice(line.indexOf('\t') + 1)] : []))

const judgeOf = ({ scene, printed, missing }: Play, seen: Parameters<typeof judgeOutput>[2]): ProbeResult => {
  const ends = missing.length === 0 ? `${scene.id}\tend\n` : ''
  const output = `${printed.join('').replace(/^.*\tend\n/gm, '')}${ends}`
  const [result] = judgeOutput([{ ...scene, program: '' }], output, seen, missing.join('; '))
  return result ?? { id: scene.id, verdict: 'not-run', detail: 'no result' }
}

const sandboxFor = async (play: Play, nest: NestName): Promise<Sandbox> => {
  const known = play.sandboxes.get(nest)
  if (known !== undefined) return known
  if (nest === 'next') {
    await play.sandboxes.get('first')?.close('done')
    play.sandboxes.delete('first')
  }
  const sandbox = await play.deps.open(play.scene.egress ?? nothing)
  play.sandboxes.set(nest, sandbox)
  return sandbox
}

const step = async (play: Play, act: StepAct, number: number): Promise<void> => {
  const { scene, deps, curtain, printed } = play
  const sandbox = await sandboxFor(play, act.nest ?? 'first')
  const { text, env } = programFor([{ ...scene, program: act.program }], deps.host, {
    before: linesOf(play),
    seconds: actSeconds,
  })
  const marker = act.marked ? { MAYFLY_PROBE_MARKER: deps.host.planted[1] ?? '' } : {}
  const place = printed.push('') - 1
  let hear: () => void = () => undefined
  const ready = new Promise<void>((resolve) => {
    hear = resolve
  })
  let errors = ''
  const stdout = onBytes((bytes) => {
    printed[place] += bytes
    if (printed[place]?.includes('\tready: ')) hear()
  })
  const stderr = onBytes((bytes) => {
    errors += bytes
  })
  const ended = sandbox.exec(
    {
      ...{ id: `act-${number}`, kind: act.background ? 'background' : 'run', cell: act.cell, take: [] },
      ...{ script: { interpreter: ['perl'], text }, env: new Map(Object.entries({ ...env, ...marker })) },
      ...{ workdir: '/tmp', egress: null, tty: null, deadline: actSeconds * 1000 },
      socket: act.socket ?? null,
    },
    { stdin: null, stdout, stderr, onConnection: (socket) => arrive(play, socket) },
    AbortSignal.any([deps.signal, curtain.signal]),
  )
  if (act.background) {
    play.behind.push(ended)
    const early = ended.then(({ kind }) => {
      if (!curtain.signal.aborted)
        play.missing.push(`act ${number} in the background ended: ${kind} ${errors}`)
    })
    return void (await Promise.race([ready, early]))
  }
  const result = await ended
  if (!act.mayFail && !printed[place]?.includes(`${scene.id}\tend\n`))
    play.missing.push(`act ${number} did not come to its end: ${describe(result)} ${errors.slice(0, 200)}`)
}

const describe = (result: StepResult): string =>
  result.kind === 'exit' ? `exit ${result.code}` : result.kind

/** Somebody used a step's socket. */
const arrive = (play: Play, socket: { destroy(): unknown }): void => {
  tell(play, ['arrived: the socket of a step'])
  socket.destroy()
}

const outsideOf = (play: Play): Outside => ({
  lines: linesOf(play),
  results: play.results,
  egress: (nest) => play.sandboxes.get(nest)?.egress() ?? [],
  scan: play.deps.scan,
  copyOut: async (from, limit) => {
    let bytes = 0
    try {
      const sandbox = await sandboxFor(play, 'first')
      for await (const chunk of await sandbox.copyOut(from, limit, play.deps.signal)) bytes += chunk.length
      return { bytes, end: 'whole' }
    } catch (error) {
      return { bytes, end: `refused: ${String(error).slice(0, 80)}` }
    }
  },
})

/** Bounded: a flood of an act is none of ours. */
const onBytes = (hear: (bytes: string) => void): Writable => {
  let left = 4 * 1024 * 1024
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (left > 0) hear(chunk.toString('latin1'))
      left -= chunk.length
      done()
    },
  })
}
