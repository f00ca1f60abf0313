// The whole server in this process, as its program puts it together, with a real database and a real vault. `call` asks as a browser
// or a program does over TCP, `callOperator` over the socket of the machine; both send what they are given, byte for byte.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { silentLog } from '../../src/base/log.ts'
import { createAccess, keepOrganisation } from '../../src/server/access/access.ts'
import type { Role } from '../../src/server/access/roles.ts'
import { parseSite } from '../../src/server/access/site.ts'
import { openDatabase } from '../../src/server/db/database.ts'
import { serverConfig, startServer } from '../../src/server/index.ts'
import { createNewId } from '../../src/server/new-id.ts'
import { randomBytes, systemClock } from '../../src/sys/index.ts'
import { makeCertificate } from './certificate.ts'
import { logSearchProgram, startVault } from './parts.ts'
import { migrationsDirectory, testDatabaseSettings } from './postgres.ts'

export type Sent = { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
export type Got = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }
export type WholeServer = Awaited<ReturnType<typeof openWholeServer>>

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
/** Longer than any answer takes on a busy machine, and shorter than for ever. */
const answerMs = 20_000

/** Everything is closed after the last test of the file. */
export const openWholeServer = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-whole-'))
  const file = (name: string): string => join(directory, name)
  await mkdir(file('git'))
  const { vault, admin, stopVault, serverSocket } = await startVault(directory, systemClock)
  const ticketKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  await writeFile(file('ticket.key'), ticketKey)
  const { x: publicKey = '' } = createPublicKey(createPrivateKey(ticketKey)).export({ format: 'jwk' })
  await admin('ticketkey.set', { publicKey })
  await makeCertificate(directory)
  const settings = await testDatabaseSettings()
  const config = serverConfig.parse({
    ...{ dataDir: directory, objectsDir: file('objects'), database: settings, http: { port: 0 } },
    runner: { port: 0, keyFile: file('tls.key'), certFile: file('tls.crt') },
    sockets: { operator: file('operator.sock'), vault: serverSocket },
    ...{ ticketKeyFile: file('ticket.key'), webDir: null, migrationsDir: migrationsDirectory },
    ...{ localRepositoryRoots: [file('git')], organisation: { name: 'acme' }, egressDefault: 'open' },
  })
  const server = await startServer(config, {
    ...{ clock: systemClock, randomBytes, log: silentLog, version: 'test', logSearch: logSearchProgram },
    compiler: { node: process.execPath, file: path('src/main/compile.ts'), directory: path(''), id: 'test' },
  })
  const database = await openDatabase(settings, silentLog)
  after(async () => {
    await database.close()
    await server.close()
    await stopVault()
    await rm(directory, { recursive: true, force: true })
  })
  const { db, keyed } = database
  const newId = createNewId({ clock: systemClock, randomBytes })
  const site = parseSite(`http://localhost:${server.port}`)
  const organisation = await keepOrganisation(db, { id: newId('organisation'), name: 'acme' })
  const access = createAccess({ db, keyed, randomBytes, newId, site: () => site, organisation })
  const people = { count: 0 }
  return {
    ...{ ...server, database, vault, admin, newId, organisation, directory },
    /** A person of their own with an open session that was proven just now; gives the cookie. */
    signInAs: async (role: Role): Promise<string> => {
      const user = newId('user')
      const email = `person${++people.count}@example.org`
      await sql`insert into users (id, organisation_id, name, email, role)
        values (${user}, ${organisation.id}, ${role}, ${email}, ${role})`.execute(db)
      const visit = { address: '192.0.2.1', cookie: null, browser: null }
      const { token } = await access.sessions.open(db, user, { how: 'test', visit })
      return `mf_s=${token.reveal('the test is its browser')}`
    },
    call: (method: string, target: string, { headers, ...sent }: Sent = {}): Promise<Got> =>
      ask(
        { host: 'localhost', port: server.port, method, path: target },
        {
          ...sent,
          headers: { origin: site.origin, 'sec-fetch-site': 'same-origin', ...headers },
        },
      ),
    callOperator: (method: string, target: string, sent: Sent = {}): Promise<Got> =>
      ask({ socketPath: config.sockets.operator, method, path: target }, sent),
  }
}

const ask = (where: RequestOptions, { headers = {}, body }: Sent): Promise<Got> =>
  new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const type =
      bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }
    const signal = AbortSignal.timeout(answerMs)
    const asked = request({ ...where, headers: { ...type, ...headers }, agent: false, signal }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('error', reject)
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text })
      })
    })
    asked.once('error', reject)
    asked.end(bytes)
  })
