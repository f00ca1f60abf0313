// The routes of the runner protocol about stored objects (protocol/stored-wire.ts): thin calls of server/stored.
import { parseRestoreRequest, parseStoredRequest, parseStoreRequest } from '../../protocol/stored-wire.ts'
import { findRestorable, sendObject } from '../stored/restore.ts'
import { beginObject, keepObject, receiveObject, type StoredDeps } from '../stored/store.ts'
import { parsedBody } from './bodies.ts'
import type { RunnerRoutes } from './listener.ts'
import type { Tickets } from './tickets.ts'

export const storedVerbs = (deps: StoredDeps & { readonly tickets: Tickets }): RunnerRoutes['ofLease'] => ({
  store: ({ caller }, lease, body) =>
    beginObject(deps, { lease, runner: caller.id }, parsedBody(parseStoreRequest, body)),
  stored: async ({ caller }, lease, body) => {
    const request = parsedBody(parseStoredRequest, body)
    await keepObject(deps, { lease, runner: caller.id }, { caller, request })
    return { ok: true }
  },
  restore: ({ caller }, lease, body) => {
    const request = parsedBody(parseRestoreRequest, body)
    return findRestorable(deps, { caller, lease, body: Buffer.from(body).toString('utf8') }, request)
  },
})

export const storedRoutes = (deps: StoredDeps): Pick<RunnerRoutes, 'putObject' | 'getObject'> => ({
  putObject: async ({ caller }, { lease, object }, content) => {
    await receiveObject(deps, { lease, runner: caller.id }, { object, content })
    return { ok: true }
  },
  getObject: ({ caller }, { lease, object }) => sendObject(deps, { lease, runner: caller.id }, object),
})
