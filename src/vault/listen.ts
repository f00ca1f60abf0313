// The HTTP front of the vault: two Unix sockets, nothing on the network. Node gives no peer credentials, so the
// directories are the gate: one that strangers may enter refuses the start. Everything that matters is signed besides.
import { chmod, stat, unlink } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { fault } from '../base/faults.ts'
import { http } from '../sys/index.ts'
import type { VaultHttpAnswer, VaultHttpRequest } from './dispatch.ts'
import { connectionsMax, headerBytesMax, headersTimeoutMs, requestTimeoutMs } from './limits.ts'
import type { Vault } from './vault.ts'

type Handle = (request: VaultHttpRequest) => Promise<VaultHttpAnswer>

type Sockets = { readonly serverSocket: string; readonly adminSocket: string }

/**
 * Before the vault is opened: refuses unsafe directories and a vault that already runs, whose store must not be
 * touched by a second one; removes sockets that a crash left behind.
 */
export const prepareSockets = async ({ serverSocket, adminSocket }: Sockets): Promise<void> => {
  await requireClosedDirectory(dirname(serverSocket), 0o007)
  await requireClosedDirectory(dirname(adminSocket), 0o077)
  await removeStale(serverSocket)
  await removeStale(adminSocket)
}

/** Listens on both sockets; `close` ends connections and removes the sockets. */
export const listenVault = async (vault: Vault, sockets: Sockets): Promise<{ close(): Promise<void> }> => {
  // SAFE: the directory is closed to others; whoever of its group may enter it may connect.
  const server = await listen(vault.handleServer, {
    path: sockets.serverSocket,
    mode: 0o666,
  })
  try {
    const admin = await listen(vault.handleAdmin, {
      path: sockets.adminSocket,
      mode: 0o600,
    })
    return { close: async () => void (await Promise.all([closeServer(server), closeServer(admin)])) }
  } catch (error) {
    await closeServer(server)
    throw error
  }
}

const listen = async (
  handle: Handle,
  socket: { readonly path: string; readonly mode: number },
): Promise<Server> => {
  const options = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: headersTimeoutMs,
    maxHeaderSize: headerBytesMax,
  }
  const server = http().createServer(options, (request, response) => {
    void respond(handle, request, response)
  })
  server.maxConnections = connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket.path, resolve)
  })
  await chmod(socket.path, socket.mode)
  return server
}

const respond = async (handle: Handle, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { status, body } = await handle({
    method: request.method ?? '',
    path: request.url ?? '',
    headers: single(request.headers),
    // A verb that stops reading must not destroy the connection its answer goes to.
    body: request.iterator({ destroyOnReturn: false }),
  })
  const text = JSON.stringify(body)
  // A body that was refused half-way is not read to its end: the connection ends with the answer.
  const connection = request.complete ? 'keep-alive' : 'close'
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    connection,
  })
  response.end(text)
}

/** Node joins what is sent twice, except set-cookie, which means nothing here. */
const single = (headers: IncomingMessage['headers']): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? undefined : value]),
  )

const requireClosedDirectory = async (directory: string, forbidden: number): Promise<void> => {
  const { mode } = await stat(directory)
  if ((mode & forbidden) !== 0)
    throw fault('E_MACHINE_NOT_READY', {
      public: `Others may enter ${directory}: the vault does not listen there`,
    })
}

/** A socket that a crash left behind goes; one that answers belongs to a running vault. */
const removeStale = async (path: string): Promise<void> => {
  const isTaken = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
  if (isTaken) throw fault('E_ALREADY_RUNNING', { detail: `a vault answers on ${path}` })
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
