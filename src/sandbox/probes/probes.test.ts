// Every judge must be able to say "open", and must not say it for refusals; and what did not run is not "held".

import assert from 'node:assert/strict'
import type { Writable } from 'node:stream'
import { test } from 'node:test'
import type { Sandbox } from '../driver.ts'
import type { ProbeHost } from './host.ts'
import { networkScenes } from './network-scenes.ts'
import type { Probe, Seen } from './probe.ts'
import { buildProgram } from './program.ts'
import { allProbes, runProbes } from './run.ts'
import { stepScenes } from './step-scenes.ts'

const allScenes = [...networkScenes, ...stepScenes]

const nothing: Omit<Seen, 'lines'> = { planted: ['PLANTED'], accepted: () => 0, records: [], shadow: null }

for (const probe of allProbes)
  test(`${probe.id} (${probe.tries}) can read open`, () => {
    const positive: Seen =
      'accepted' in probe.positive
        ? {
            ...nothing,
            lines: ['x: closed'],
            accepted: (name) => Number(name === (probe.positive as { accepted: string }).accepted),
          }
        : { ...nothing, lines: probe.positive }
    assert.notEqual(probe.judge(positive), null)
  })

for (const scene of allScenes)
  test(`${scene.id} (${scene.tries}) can read open`, () => {
    assert.notEqual(scene.judge({ ...nothing, lines: scene.positive }), null)
  })

/** Tried by no probe and no scene, with the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  N11: 'no driver starts service containers yet',
  A08: 'kill -9 of every part: drivers/namespace/kill.kernel.test.ts and test/e2e/faults.e2e.test.ts',
}

test('ids are unique, and the catalogue is complete', () => {
  const ids = [...allProbes, ...allScenes].map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  const wanted = [
    ...[['F', 23] as const, ['P', 16] as const, ['S', 30] as const],
    ...[['N', 16] as const, ['A', 8] as const],
  ]
  for (const [group, count] of wanted)
    for (let i = 1; i <= count; i++) {
      const id = `${group}${String(i).padStart(2, '0')}`
      assert.notEqual(ids.includes(id), id in elsewhere, id)
    }
  for (const { id, threats } of [...allProbes, ...allScenes]) assert(threats.length > 0, id)
})

const host: ProbeHost = {
  targets: {
    hostNamespaces: ['pid:[1]', 'user:[2]'],
    hostPid: 1,
    canaries: ["/etc/it's"],
    stateCanaries: ['/home/ci/mayfly/runner/x'],
    markerHead: 'mark',
    sockets: [],
    disks: [],
    addresses: [],
    resolvers: [],
    ports: { loopback: 1, loopback6: 1, bridge: 1, notation: 1, metadata: 1, outside: 1 },
    abstractName: 'x',
    nonce: 'n',
    plantedRoot: '',
  },
  planted: ['PLANTED'],
  shadow: null,
  secret: 's',
  accepted: () => 0,
  close: async () => undefined,
}
const probe: Probe = {
  id: 'X01',
  threats: ['T-01'],
  tries: '',
  program: '',
  judge: ({ lines }) => lines.find((line) => line.includes('bytes')) ?? null,
  positive: [],
}
const verdictOf = async (stdout: string, code = 0) => {
  const sandbox: Pick<Sandbox, 'exec' | 'egress'> = {
    exec: async (_step, io) => {
      ;(io.stdout as Writable).write(stdout)
      return { kind: 'exit', code, startedAt: '', ms: 1, leftovers: 0, usage: {} as never }
    },
    egress: () => [],
  }
  const [result] = await runProbes(sandbox, host, { probes: [probe], signal: AbortSignal.timeout(1000) })
  return `${result?.verdict}: ${result?.detail}`
}

test('silence, a death, a warning and the guard are not-run; only a finished answer is held', async () => {
  assert.match(await verdictOf('X01\ta: errno 1\nX01\tend\n'), /^held: a: errno 1$/)
  assert.match(await verdictOf('X01\ta: bytes x\nX01\tend\n'), /^open: a: bytes x/)
  assert.match(await verdictOf('X01\ta: errno 1\n'), /^not-run/)
  assert.match(await verdictOf(''), /^not-run/)
  assert.match(await verdictOf('X01\tend\n'), /^not-run: nothing/)
  assert.match(await verdictOf('X01\tdied: no\nX01\tend\n'), /^not-run: died/)
  assert.match(await verdictOf('X01\ta: errno 1\nX01\twarned: x\nX01\tend\n'), /^not-run: warned/)
  assert.match(await verdictOf('', 99), /^not-run: the guard/)
})

test('texts of the host cannot leave their quotes', () => {
  assert.match(buildProgram([], host.targets, 'x86_64'), /my @CANARIES = \('\/etc\/it\\'s'\);/)
})
