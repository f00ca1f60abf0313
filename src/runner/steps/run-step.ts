// One `run` step of a plan: starts the user's shell in the job cell, watches for silence, repeats where the plan says
// so, and puts what the driver reports into words. Never throws for what the job does.
import { setTimeout as sleep } from 'node:timers/promises'
import type { PlanRunStep } from '../../protocol/plan.ts'
import type { CacheHit } from '../../protocol/stored-object.ts'
import type { Sandbox, StepResult, StepSpec } from '../../sandbox/index.ts'
import { controlBytesMax } from '../limits.ts'
import { type AttemptSink, gatherStream, say } from '../sink.ts'
import type { SshAgent } from '../ssh-agent.ts'
import { outOfMemory } from '../step-words.ts'
import type { SecretVariables } from './deliver-secrets.ts'
import { haltWord, launchScript, type StepDirectories } from './shell.ts'

export type StepVerdict = {
  readonly status: 'passed' | 'failed' | 'timed_out' | 'cancelled'
  readonly exitCode: number | null
  readonly ms: number
  readonly leftovers: number
  /** In words; null when there is nothing to say. */
  readonly message: string | null
  /** The step asked to end the job after it. */
  readonly halt: boolean
  /** Of a step that restores a cache: what it found. */
  readonly cache?: CacheHit
}

export type StepPlace = StepDirectories & {
  readonly sandbox: Sandbox
  readonly sink: AttemptSink
  /** Number of the step, from 1: its log and its ids. */
  readonly index: number
  /** Below what the job and the step name themselves. */
  readonly secrets: SecretVariables
  /** Signs for the step; null: nobody does. */
  readonly agent: SshAgent | null
  /** The driver's own bound; ours ends the job a little earlier. */
  readonly deadlineMs: number
}

/** Reason of an abort: the job's own time limit. */
export const overtime = 'overtime'

export const runStep = async (
  step: PlanRunStep,
  place: StepPlace,
  signal: AbortSignal,
): Promise<StepVerdict> => {
  const tries = 1 + step.maxAutoReruns
  for (let attempt = 1; ; attempt++) {
    const verdict = await runOnce(step, place, attempt, signal)
    if (verdict.status !== 'failed' || attempt === tries || signal.aborted) return verdict
    await say(
      place.sink,
      place.index,
      `${verdict.message}; automatic rerun ${attempt} of ${step.maxAutoReruns}`,
    )
    await sleep(step.autoRerunDelayMs, undefined, { signal }).catch(() => undefined)
  }
}

const runOnce = async (
  step: PlanRunStep,
  place: StepPlace,
  attempt: number,
  signal: AbortSignal,
): Promise<StepVerdict> => {
  const silence = watchSilence(step.background ? place.deadlineMs : step.noOutputTimeoutMs)
  const control = gatherStream(controlBytesMax)
  const stdout = (bytes: Uint8Array) => {
    silence.heard()
    return place.sink.output(place.index, bytes)
  }
  try {
    const result = await place.sandbox.exec(
      stepSpec(step, place, attempt),
      {
        ...{ stdin: null, stdout, stderr: control.stream },
        ...(place.agent === null ? {} : { onConnection: place.agent.serve }),
      },
      AbortSignal.any([signal, silence.signal]),
    )
    const silent = silence.signal.aborted && !signal.aborted
    const verdict = silent
      ? timedOut(result, `no output for ${describeMs(step.noOutputTimeoutMs)}`)
      : describeResult(result, signal)
    if (verdict.message !== null && verdict.exitCode === null && verdict.status !== 'cancelled')
      await say(place.sink, place.index, verdict.message)
    // SAFE: hostile bytes; the one thing they can do is end their own job early.
    return { ...verdict, halt: control.bytes().toString('latin1').split('\n').includes(haltWord) }
  } finally {
    silence.stop()
  }
}

const stepSpec = (step: PlanRunStep, place: StepPlace, attempt: number): StepSpec => ({
  id: attempt === 1 ? `s${place.index}` : `s${place.index}-${attempt}`,
  kind: step.background ? 'background' : 'run',
  cell: 'job',
  script: launchScript(place, step.shell, step.command),
  env: new Map([...place.secrets, ...step.env]),
  // The launcher changes to the step's directory itself, so that a missing one is an error in the step's own log.
  workdir: '/',
  take: [],
  socket: place.agent === null ? null : 'ssh-agent',
  egress: null,
  tty: null,
  deadline: place.deadlineMs,
})

/** Aborts after `limitMs` without `heard()`. */
const watchSilence = (limitMs: number) => {
  const controller = new AbortController()
  // Node's timers hold 31 bits and take more for nothing; no job lasts so long.
  const timer = setTimeout(() => controller.abort(), Math.min(limitMs, 0x7fffffff))
  return { signal: controller.signal, heard: () => void timer.refresh(), stop: () => clearTimeout(timer) }
}

const timedOut = (result: StepResult, why: string): StepVerdict => ({
  ...measured(result),
  status: 'timed_out',
  message: `stopped: ${why}`,
})

const describeResult = (result: StepResult, signal: AbortSignal): StepVerdict => {
  const base = measured(result)
  switch (result.kind) {
    case 'exit': {
      const message = exitMessage(result.code, result.usage.oomKills > 0)
      return { ...base, status: result.code === 0 ? 'passed' : 'failed', exitCode: result.code, message }
    }
    case 'signal':
      return { ...base, status: 'failed', message: result.oom ? outOfMemory : `ended by ${result.signal}` }
    case 'cancelled':
      return signal.reason === overtime
        ? timedOut(result, 'the time of the job is over')
        : { ...base, status: 'cancelled', message: 'cancelled' }
    case 'deadline':
      return timedOut(result, 'the time of the job is over')
    case 'log-limit':
      return { ...base, status: 'failed', message: 'stopped: too much output' }
    case 'pids-limit':
      return { ...base, status: 'failed', message: 'stopped: too many processes' }
  }
}

const exitMessage = (code: number, oom: boolean): string | null => {
  if (code === 0) return null
  return code === 137 && oom ? `exit code 137: ${outOfMemory}` : `exit code ${code}`
}

const measured = (result: StepResult) => ({
  ms: Math.round(result.ms),
  leftovers: result.leftovers,
  exitCode: null,
  halt: false,
})

/** `90000` → `1m30s`. */
export const describeMs = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 1000)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60] as const
  const text = `${parts[0] > 0 ? `${parts[0]}h` : ''}${parts[1] > 0 ? `${parts[1]}m` : ''}${parts[2] > 0 ? `${parts[2]}s` : ''}`
  return text === '' ? '0s' : text
}
