// The HTTP side of the server over a real database, with use cases that a test gives: what access, binder, pages and
// live do is tested here without runners, vault or runs. `call` behaves like a browser or like curl, as asked.
import type { AddressInfo } from 'node:net'
import { after } from 'node:test'
import { sql } from 'kysely'
import WebSocket from 'ws'
import { fault } from '../../src/base/faults.ts'
import type { SystemStatus } from '../../src/protocol/api/shapes.ts'
import { createAccess, keepOrganisation } from '../../src/server/access/access.ts'
import type { Role } from '../../src/server/access/roles.ts'
import { parseSite } from '../../src/server/access/site.ts'
import { createAnsweredRequests } from '../../src/server/answered-requests.ts'
import type { Database } from '../../src/server/db/database.ts'
import { createBackups } from '../../src/server/health/backups.ts'
import { peopleHandlers } from '../../src/server/http/handlers/people.ts'
import { secretHandlers } from '../../src/server/http/handlers/secrets.ts'
import { systemHandlers } from '../../src/server/http/handlers/system.ts'
import { webhookHandlers } from '../../src/server/http/handlers/webhooks.ts'
import { type UseCases, workHandlers } from '../../src/server/http/handlers/work.ts'
import { createOperatorApp, createPeopleApp, type HttpDeps } from '../../src/server/http/http.ts'
import { noSite } from '../../src/server/http/static-site.ts'
import { type Pace, pace } from '../../src/server/live/limits.ts'
import { createLive } from '../../src/server/live/live.ts'
import { createNewId, type NewId } from '../../src/server/new-id.ts'
import { noMeter } from '../../src/server/telemetry/meter.ts'
import { createLog, randomBytes, systemClock } from '../../src/sys/index.ts'
import { testDatabase } from './postgres.ts'

/** What went wrong on our side shows in the output of the test. */
const log = createLog('test', { level: 'error' })

const healthy: SystemStatus = {
  ...{ version: 'test', healthy: true, components: [], processes: [], disks: [], queue: null, backup: null },
}
const empty = async () => ({ items: [], next_cursor: null })
const missing = async () => {
  throw fault('E_NOT_FOUND')
}
const absent = async () => null
const unexpected = async (): Promise<never> => {
  throw new Error('this test did not expect a call of this use case')
}

/** Use cases of an installation where nothing has happened yet. */
export const noWork: UseCases = {
  runs: {
    listRuns: empty,
    findRun: absent,
    findConfig: absent,
    findChanges: absent,
    findTimeline: absent,
    findWorkspaces: absent,
    jobsSince: absent,
    findAttempt: absent,
    findUsage: absent,
    pinError: unexpected,
    startRun: unexpected,
    cancelRun: unexpected,
    cancelJobs: unexpected,
    rerunRun: unexpected,
    rerunJob: unexpected,
    findApproval: absent,
    decideApproval: unexpected,
    onChange: () => () => undefined,
  },
  projects: {
    list: empty,
    find: absent,
    create: unexpected,
    set: unexpected,
    remove: unexpected,
    parameters: missing,
    organisation: unexpected,
    setOrganisation: unexpected,
    hookScript: unexpected,
    rotateHook: unexpected,
    contact: unexpected,
    confirmHostKey: unexpected,
  },
  compare: async () => {
    throw fault('E_NOT_FOUND')
  },
  orbs: { list: empty, sources: empty, source: absent, put: unexpected },
  schedules: { list: empty, find: unexpected, add: unexpected, set: unexpected, remove: unexpected },
  deliveries: { list: empty, find: absent, replay: unexpected },
  audit: { list: empty },
  webhooks: {
    list: empty,
    find: unexpected,
    add: unexpected,
    set: unexpected,
    rotate: unexpected,
    remove: unexpected,
    test: unexpected,
    deliveries: empty,
    delivery: unexpected,
    redeliver: unexpected,
  },
  logs: {
    readIndex: async () => ({ isComplete: true, lastSeq: 0, chunks: [], firstFailure: null }),
    readFrames: async function* () {},
    annotations: async () => ({
      items: [],
      counts: { error: 0, warning: 0, notice: 0 },
      credentials: { items: [], count: 0 },
      isPartial: false,
    }),
    condense: async () => [],
    failureLine: async () => null,
    openBytes: async () => null,
    search: async () => ({ attempts: [], stopped: null }),
    follow: async function* () {},
  },
  tests: {
    listRun: empty,
    expired: async () => [],
    listJob: async () => ({ summary: null, expired: null, items: [], next_cursor: null }),
  },
  artifacts: {
    expired: async () => [],
    list: empty,
    open: async () => {
      throw fault('E_NOT_FOUND')
    },
  },
  runners: { list: empty, enroll: unexpected },
  contexts: { list: empty, find: unexpected, create: unexpected, set: unexpected, remove: unexpected },
  admissions: { list: async () => ({ projects: [], head: null }), set: unexpected },
  twoPerson: { rules: missing, setRules: unexpected, list: empty, sign: missing, withdraw: missing },
  secrets: {
    all: empty,
    key: unexpected,
    list: empty,
    find: absent,
    put: unexpected,
    set: unexpected,
    reach: unexpected,
    revoke: unexpected,
    signatures: empty,
    signers: empty,
    enroll: unexpected,
    removeSigner: unexpected,
  },
  identity: {
    documents: async () => {
      throw fault('E_NOT_FOUND')
    },
    ofProject: unexpected,
  },
}

export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  readonly json: any
}

export type CallOptions = {
  readonly body?: unknown
  readonly cookie?: string
  readonly token?: string
  /** false: like a program, without what a browser adds. */
  readonly browser?: boolean
  readonly headers?: Record<string, string>
}

export type TestApp = Awaited<ReturnType<typeof openTestApp>>

export const openTestApp = async (
  options: {
    readonly work?: Partial<UseCases> | ((parts: { database: Database; newId: NewId }) => Partial<UseCases>)
    readonly publicUrl?: string
    readonly pace?: Pace
  } & Partial<HttpDeps> = {},
) => {
  const database = await testDatabase()
  const { db } = database
  const newId = createNewId({ clock: systemClock, randomBytes })
  const organisation = await keepOrganisation(db, { id: newId('organisation'), name: 'acme' })
  const state = { site: parseSite(options.publicUrl ?? 'http://localhost') }
  const site = () => state.site
  const access = createAccess({ db, keyed: database.keyed, randomBytes, newId, site, organisation })
  const given = typeof options.work === 'function' ? options.work({ database, newId }) : options.work
  const work = { ...noWork, ...given }
  const live = createLive({ access, ...work, log, pace: options.pace ?? pace })
  const deps: HttpDeps = {
    access,
    live,
    answered: createAnsweredRequests({ db, log }),
    intake: { accept: async () => ({ status: 401, body: {} }), refused: () => undefined },
    handlers: {
      ...peopleHandlers({ access, version: 'test' }),
      ...workHandlers({ ...work, live }),
      ...secretHandlers(work),
      ...webhookHandlers(work.webhooks),
      ...systemHandlers({
        health: { look: async () => healthy },
        backups: createBackups(db),
        lint: async () => ({ ok: true, problems: [] }),
        orbs: noWork.orbs,
      }),
    },
    issuers: noWork.identity,
    pages: noSite,
    site,
    securityTxt: null,
    trustedProxies: [],
    meter: noMeter,
    clock: systemClock,
    log,
    version: 'test',
    ...options,
  }
  const people = await createPeopleApp(deps)
  const operator = await createOperatorApp(deps)
  await people.listen({ host: 'localhost', port: 0 })
  await operator.listen({ host: '127.0.0.1', port: 0 })
  const portOf = (app: typeof people) => (app.server.address() as AddressInfo).port
  const base = `http://localhost:${portOf(people)}`
  if (options.publicUrl === undefined) state.site = parseSite(`http://localhost:${portOf(people)}`)
  after(async () => {
    live.close()
    await people.close()
    await operator.close()
  })

  const request = async (root: string, method: string, path: string, call: CallOptions): Promise<Answer> => {
    const response = await fetch(root + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(call.browser === false ? {} : { origin: state.site.origin, 'sec-fetch-site': 'same-origin' }),
        ...(call.cookie === undefined ? {} : { cookie: call.cookie }),
        ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : null,
    }
  }
  const call = (method: string, path: string, options: CallOptions = {}) =>
    request(base, method, path, options)

  const people_ = { count: 0 }
  /** A person with this role and an open session; gives the cookie. */
  const signInAs = async (role: Role): Promise<string> => {
    const user = newId('user')
    const email = `person${++people_.count}@example.org`
    await sql`insert into users (id, organisation_id, name, email, role)
      values (${user}, ${organisation.id}, ${role}, ${email}, ${role})`.execute(db)
    const { token } = await access.sessions.open(db, user, {
      how: 'test',
      visit: { address: '192.0.2.1', cookie: null, browser: null },
    })
    return `mf_s=${token.reveal('the test is its browser')}`
  }

  return {
    database,
    access,
    organisation,
    base,
    site,
    people,
    live,
    call,
    signInAs,
    callOperator: (method: string, path: string, options: CallOptions = {}) =>
      request(`http://127.0.0.1:${portOf(operator)}`, method, path, { browser: false, ...options }),
    connect: (headers: Record<string, string>) =>
      new WebSocket(`${base.replace('http', 'ws')}/api/v1/live`, { headers }),
  }
}

export const cookieOf = (answer: Answer): string => answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
