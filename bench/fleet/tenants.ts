// The organisations of a simulation. The product makes one for an installation; the others are rows made here, and so is whose
// token is whose. Everything else goes through the API, by somebody of the organisation it is about.
import { formatId, uuid7 } from '../../src/base/ids.ts'
import { randomBytes } from '../../src/sys/index.ts'
import type { State } from '../../test/support/installation-state.ts'

export type Call = <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>

export type Tenants = {
  /** The first one is the installation's own. */
  readonly ids: readonly string[]
  /** For one connection, or a few requests: one credential may not have many of either. */
  readonly token: (organisation: string) => Promise<string>
  /** Asks as somebody of that organisation. */
  readonly callAs: (organisation: string) => Call
}

const usesPerToken = 100
const scopes = ['project.view', 'project.manage', 'run.view', 'run.trigger', 'log.read']
const answerMs = 30_000

export const openTenants = async (
  { operator, state, url }: { readonly operator: Call; readonly state: State; readonly url: string },
  count: number,
): Promise<Tenants> => {
  const ids = await makeOrganisations(state, count)
  const uses = new Map<string, number>()
  const tokens = new Map<string, Promise<string>>()
  const make = async (organisation: string): Promise<string> => {
    const made = await operator<Made>('POST', '/api/v1/tokens', { name: 'fleet', scopes })
    if (organisation !== ids[0])
      await state.ask(
        `update api_tokens set organisation_id = '${organisation}' where id = '${made.token.id}' returning id`,
      )
    return made.secret
  }
  const token = (organisation: string): Promise<string> => {
    const use = uses.get(organisation) ?? 0
    uses.set(organisation, use + 1)
    const key = `${organisation} ${Math.floor(use / usesPerToken)}`
    const known = tokens.get(key) ?? make(organisation)
    tokens.set(key, known)
    return known
  }
  return {
    ids,
    token,
    callAs: (organisation) => (organisation === ids[0] ? operator : callWith(url, () => token(organisation))),
  }
}

type Made = { readonly token: { readonly id: string }; readonly secret: string }

const makeOrganisations = async (state: State, count: number): Promise<readonly string[]> => {
  const [own] = await state.ask<{ id: string }>('select id from organisations order by id limit 1')
  if (own === undefined) throw new Error('the installation has no organisation')
  const more = Array.from({ length: count - 1 }, () =>
    formatId('organisation', uuid7(Date.now(), randomBytes(10))),
  )
  for (const [i, id] of more.entries())
    await state.ask(
      `insert into organisations (id, name) values ('${id}', 'organisation-${i + 2}') returning id`,
    )
  return [own.id, ...more]
}

const callWith =
  (url: string, token: () => Promise<string>): Call =>
  async <T>(method: 'GET' | 'POST', path: string, body?: unknown) => {
    const answer = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMs),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return JSON.parse(text) as T
  }
