// Laminar, where `laminard` and `laminarc` are on the path: the daemon on loopback and a socket of its own, jobs as scripts in
// its directory, as its manual says. Each request is a start of its own command.
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, spawn } from '../../src/sys/index.ts'
import { freePort } from '../../test/support/installation.ts'
import { startClock } from '../clock.ts'
import { pidsBelow, pssOf, totalOf, usageOf } from '../processes.ts'
import { marker, noOpCommand } from '../projects.ts'
import { isOnPath } from './install.ts'
import type { Peer } from './peer.ts'

const name = 'laminar'
const deadlineMs = 120_000
const restMs = 5_000
const jobsForCpu = 10

export const openLaminar = async (directory: string): Promise<Peer> => {
  const missing = ['laminard', 'laminarc'].filter((program) => !isOnPath(program))
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} not on the path`)
  const home = join(directory, name)
  const webPort = await freePort()
  const environment = {
    ...{ PATH: process.env.PATH ?? '', HOME: home, LAMINAR_HOME: home },
    ...{ LAMINAR_BIND_HTTP: `127.0.0.1:${webPort}`, LAMINAR_BIND_RPC: `unix:${join(home, 'socket')}` },
    LAMINAR_HOST: `unix:${join(home, 'socket')}`,
  }
  await mkdir(join(home, 'cfg/contexts'), { recursive: true })
  const write = async (job: string, script: string) => {
    await mkdir(join(home, 'cfg/jobs'), { recursive: true })
    const path = join(home, 'cfg/jobs', `${job}.run`)
    await writeFile(path, `#!/bin/bash -e\n${script}\n`)
    await chmod(path, 0o755)
  }
  const executors = (count: number) =>
    writeFile(join(home, 'cfg/contexts/default.conf'), `EXECUTORS=${count}\nJOBS=*\n`)
  await executors(1)
  await write('no-op', noOpCommand)
  const order = async (verb: 'run' | 'start', ...jobs: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run('laminarc', [verb, ...jobs], {
      timeoutMs: deadlineMs,
      env: environment,
    })
    if (code !== 0) throw new Error(`laminarc ${verb}: ${stderr.toString()}`)
    return stdout.toString()
  }
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const elapsed = startClock()
    await work()
    return elapsed()
  }
  const start = async () => {
    const child = spawn('laminard', [], { env: environment, stdio: 'ignore' })
    const elapsed = startClock()
    while (
      !(await fetch(`http://127.0.0.1:${webPort}/`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (elapsed() > deadlineMs) throw new Error('laminard did not answer')
      await sleep(1)
    }
    return child
  }
  let daemon = await start()
  const stop = async () => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return
    daemon.kill('SIGTERM')
    await once(daemon, 'exit')
  }
  const cpuMs = () => totalOf(usageOf(daemon.pid ?? 0)?.cpuMs ?? {})
  const noOpMs = () => timed(() => order('run', 'no-op'))
  const logMs = async (file: string) => {
    await write('log', `cat ${file}`)
    return timed(() => order('run', 'log'))
  }
  return {
    ...{ name, version: 'on the path', noOpMs, logMs },
    firstLineMs: async () => {
      const elapsed = startClock()
      const [, number] = /no-op:(\d+)/.exec(await order('start', 'no-op')) ?? []
      const answer = await fetch(`http://127.0.0.1:${webPort}/log/no-op/${number}`)
      let text = ''
      let ms: number | null = null
      const decoder = new TextDecoder()
      for await (const part of answer.body ?? []) {
        text += decoder.decode(part as Uint8Array, { stream: true })
        if (ms === null && text.includes(marker)) ms = elapsed()
      }
      if (ms === null) throw new Error('laminar did not print the line')
      return ms
    },
    jobsPerSecond: async (count, slots) => {
      await executors(slots)
      const ms = await timed(() => order('run', ...Array.from({ length: count }, () => 'no-op')))
      return (count / ms) * 1000
    },
    // It knows no order of jobs: a script that starts one after another.
    chainMs: async (count) => {
      await executors(2)
      await write('chain', `for i in $(seq ${count}); do laminarc run no-op; done`)
      return timed(() => order('run', 'chain'))
    },
    logCpuMs: async (file) => {
      const before = cpuMs()
      await logMs(file)
      return cpuMs() - before
    },
    jobCpuMs: async () => {
      const before = cpuMs()
      for (let i = 0; i < jobsForCpu; i++) await noOpMs()
      return (cpuMs() - before) / jobsForCpu
    },
    idleMib: async () => {
      await sleep(restMs)
      return pssOf(pidsBelow(daemon.pid ?? 0)) / 1024 ** 2
    },
    startMs: async () => {
      await stop()
      const elapsed = startClock()
      daemon = await start()
      return elapsed()
    },
    close: stop,
  }
}
