// What a lease says a job may reach is what its sandbox reaches: a listed name at a listed port, and neither another
// port nor another name, though something answers there. The outside is this machine's own address. Needs root.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { after, before, test } from 'node:test'
import { needsRoot, type StartedJailer, startJailer } from '../../test/support/jailer.ts'
import { jobGrant, openCarryOut } from '../../test/support/job-lease.ts'
import { noServer } from '../../test/support/stores.ts'
import { silentLog } from '../base/log.ts'
import type { JobEgress } from '../protocol/egress.ts'
import type { EgressRecord } from '../protocol/receipt.ts'
import { type Driver, openNamespaceDriver } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'

const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address
const skip = needsRoot || (outside === undefined && 'this machine has no address but loopback')

let jailer: StartedJailer
let driver: Driver
const servers: Server[] = []
const ports: number[] = []
before(async () => {
  if (skip) return
  for (const word of ['listed', 'other']) {
    const server = createServer((socket) => socket.on('error', () => undefined).end(`${word}\n`))
    server.listen(0, outside)
    await once(server, 'listening')
    servers.push(server)
    ports.push((server.address() as { port: number }).port)
  }
  jailer = await startJailer()
  driver = openNamespaceDriver({
    ...{ channel: jailer.channel, clock: systemClock, log: silentLog },
    resolve: async (name) => (name.endsWith('.example') ? [outside ?? ''] : []),
  })
})
after(async () => {
  for (const server of servers) server.close()
  await driver?.close()
  await jailer?.stop()
})

/** What a job under `egress` hears from each `host port`, and what the gateway wrote down. */
const hear = async (egress: JobEgress, asks: readonly string[]) => {
  const ask = (place: string) =>
    `(exec 3<>/dev/tcp/${place.replace(' ', '/')} && cat <&3) 2>/dev/null || echo no`
  let said = ''
  const records: EgressRecord[] = []
  const vaultSignKey = await crypto.subtle.importKey('raw', new Uint8Array(32), 'Ed25519', false, ['verify'])
  const { carryOut, close } = openCarryOut(driver, { vaultSignKey, egressRanges: [`${outside}/32`] })
  const done = await carryOut(
    jobGrant(asks.map(ask).join('\n'), { egress }),
    null,
    {
      output: (step, bytes) => {
        if (step === 1) said += Buffer.from(bytes).toString()
        return undefined
      },
      event: (event) => event.kind === 'egress' && records.push(...event.records),
    },
    AbortSignal.timeout(60_000),
    noServer(systemClock, vaultSignKey),
  )
  close()
  assert.equal(done.outcome, 'passed', JSON.stringify(done.reason))
  return { said, verdicts: records.map(({ host, port, verdict }) => `${host} ${port} ${verdict}`) }
}

test('a job with a list reaches the listed name at the listed port, and nothing else', { skip }, async () => {
  const [listed = 0, other = 0] = ports
  const target = (host: string, port: number) => ({ host, ports: [port], tls: 'any' }) as const
  const list: JobEgress = {
    mode: 'list',
    allow: [target('good.example', listed), target('else.example', other)],
  }
  const asks = [
    `good.example ${listed}`,
    `good.example ${other}`,
    `bad.example ${listed}`,
    `${outside} ${listed}`,
  ]
  const { said, verdicts } = await hear(list, asks)
  assert.equal(said, 'listed\nno\nno\nno\n')
  assert.ok(verdicts.includes(`good.example ${listed} allowed`), verdicts.join())
  assert.ok(verdicts.includes(`good.example ${other} denied`), verdicts.join())
  assert.equal(verdicts.filter((verdict) => verdict.endsWith('allowed')).length, 1, verdicts.join())
  const wild = await hear({ mode: 'list', allow: [target('*.good.example', listed)] }, [
    `a.good.example ${listed}`,
    `good.example ${listed}`,
  ])
  assert.equal(wild.said, 'listed\nno\n')
})

test('an empty list reaches nothing', { skip }, async () => {
  const { said } = await hear({ mode: 'list', allow: [] }, [`good.example ${ports[0]}`])
  assert.equal(said, 'no\n')
})
