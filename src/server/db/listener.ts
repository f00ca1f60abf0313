// LISTEN on a connection of its own that comes back by itself. A notice that is sent while it is away is lost:
// whoever listens also looks at the tables every few seconds, and is told `onReconnect` at once.
import pg from 'pg'
import type { Log } from '../../base/log.ts'
import { backendOf } from './backend.ts'
import { findOthers, type Others, type OthersSettings, type Word } from './others.ts'

/** Channels carry ids only. */
export type Channel =
  | 'mayfly_queue'
  | 'mayfly_run'
  | 'mayfly_log'
  | 'mayfly_lease'
  | 'mayfly_limits'
  | 'mayfly_locks'
  | 'mayfly_webhooks'
  | 'mayfly_watch'

export type Listener = {
  /** `handler` gets the payload, or null after a reconnect: anything may have happened. Returns how to stop. */
  readonly listen: (channel: Channel, handler: (payload: string | null) => void) => () => void
  /** As if it had come from the database: for what this process has just committed itself. */
  readonly tell: (channel: Channel, payload: string) => void
  /** False only while it is certain that no other server listens. */
  readonly mayOthersListen: () => boolean
  close(): Promise<void>
}

const reconnectMs = 500
/** Of the servers among themselves (others.ts). */
const serversChannel = 'mayfly_servers'

type State = {
  readonly handlers: Map<Channel, Set<(payload: string | null) => void>>
  readonly config: pg.ClientConfig
  readonly log: Log
  readonly isOurs: (processId: number) => boolean
  readonly others: Others
  client: pg.Client | null
  timer: NodeJS.Timeout | null
  /** The newest of them; null before the first `listen`. */
  connecting: Promise<void> | null
  closed: boolean
}

/** Connects with the first `listen`. */
export const openListener = (
  config: pg.ClientConfig,
  log: Log,
  settings: OthersSettings,
  /** Whether the connection with this process id is ours: of its notices everybody here has been told already. */
  isOurs: (processId: number) => boolean,
): Listener => {
  const others = findOthers(settings, () => tellAll(state))
  const state: State = {
    ...{
      handlers: new Map(),
      config,
      log,
      isOurs,
      others,
      client: null,
      timer: null,
      connecting: null,
      closed: false,
    },
  }
  return {
    listen: (channel, handler) => {
      const handlers = state.handlers.get(channel) ?? new Set()
      const isNew = handlers.size === 0
      handlers.add(handler)
      state.handlers.set(channel, handlers)
      state.connecting ??= connect(state)
      if (isNew && state.client !== null) void subscribe(state, state.client, channel)
      return () => handlers.delete(handler)
    },
    tell: (channel, payload) => tell(state, channel, payload),
    mayOthersListen: others.mayListen,
    close: async () => {
      state.closed = true
      others.close()
      if (state.timer !== null) clearTimeout(state.timer)
      await state.connecting
      await state.client?.end().catch(() => undefined)
    },
  }
}

const connect = async (state: State): Promise<void> => {
  if (state.closed) return
  const client = new pg.Client({ ...state.config, statement_timeout: 10_000, keepAlive: true })
  const lost = (error?: Error) => onLost(state, client, error)
  client.on('error', lost)
  client.on('end', () => lost())
  client.on('notification', ({ channel, payload, processId }) => {
    if (channel === serversChannel) hearServer(state, client, { processId, payload })
    else if (!state.isOurs(processId)) tell(state, channel as Channel, payload ?? '')
  })
  try {
    await client.connect()
    await client.query(`listen ${serversChannel}`)
    for (const channel of state.handlers.keys()) await client.query(`listen ${channel}`)
    state.client = client
    // Channels that were asked for while the loop above ran.
    for (const channel of state.handlers.keys()) await client.query(`listen ${channel}`)
    tellAll(state)
    // Last: from its answer on everything is sent, and what was not is looked for again.
    state.others.connected((word) => void sayTo(state, client, word))
  } catch (error) {
    lost(error instanceof Error ? error : undefined)
  }
}

const subscribe = async (state: State, client: pg.Client, channel: Channel): Promise<void> => {
  try {
    // SAFE: the channel is one of a few constants.
    await client.query(`listen ${channel}`)
    tell(state, channel, null)
  } catch (error) {
    onLost(state, client, error instanceof Error ? error : undefined)
  }
}

type ServerNotice = { readonly processId: number; readonly payload?: string | undefined }

const hearServer = (state: State, client: pg.Client, { processId, payload }: ServerNotice): void => {
  if (processId !== backendOf(client) && (payload === 'hello' || payload === 'here'))
    state.others.heard(processId, payload)
}

const sayTo = async (state: State, client: pg.Client, word: Word): Promise<void> => {
  try {
    // SAFE: both are constants.
    await client.query(`notify ${serversChannel}, '${word}'`)
  } catch (error) {
    onLost(state, client, error instanceof Error ? error : undefined)
  }
}

/** Anything may have happened. */
const tellAll = (state: State): void => {
  for (const channel of state.handlers.keys()) tell(state, channel, null)
}

const tell = (state: State, channel: Channel, payload: string | null): void => {
  for (const handler of [...(state.handlers.get(channel) ?? [])]) handler(payload)
}

/** Runs once per client, whichever of `error` and `end` comes first. */
const onLost = (state: State, client: pg.Client, error?: Error): void => {
  client.removeAllListeners('end')
  client.removeAllListeners('error')
  client.on('error', () => undefined)
  if (state.client === client) {
    state.client = null
    state.others.lost()
  }
  void client.end().catch(() => undefined)
  if (state.closed || state.timer !== null) return
  state.log.warn('database notices interrupted', { error })
  state.timer = setTimeout(() => {
    state.timer = null
    state.connecting = connect(state)
  }, reconnectMs)
}
