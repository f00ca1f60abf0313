// Puts a project's hook and its secret into a bare repository of this machine. A hook of somebody else is not touched: ours
// then lies beside it, and who reads the error learns how the two are joined.
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Hook = { readonly script: string; readonly secret: string }

/**
 * What can be refused is refused before anything is made or changed on the server. `script`: null of a project that is not
 * there yet.
 */
export const hookPlace = async (
  around: Surroundings,
  directory: string,
  script: string | null,
): Promise<{ readonly install: (hook: Hook) => Promise<void> }> => {
  const repository = resolve(around.cwd, directory)
  const hooks = join(repository, 'hooks')
  const hook = join(hooks, 'post-receive')
  const owner = await stat(hooks).catch((cause) => {
    throw notWritten(repository, cause)
  })
  const there = await readText(hook).catch((cause) => {
    throw notWritten(repository, cause)
  })
  if (tellsWhom(there) !== null && tellsWhom(there) !== tellsWhom(script))
    throw fault('E_CONFLICT', {
      public: inertText`${hook} tells another project or installation, ${tellsWhom(there) ?? ''}: remove it if nobody needs it any more`,
    })
  return {
    install: async ({ script, secret }) => {
      const isFree = there === null || tellsWhom(there) !== null
      try {
        // Secret first and private, then the script that reads it.
        await replace(join(hooks, 'mayfly-secret'), `${secret}\n`, { mode: 0o600, owner })
        await replace(isFree ? hook : `${hook}-mayfly`, script, { mode: 0o755, owner })
      } catch (cause) {
        throw notWritten(repository, cause)
      }
      if (!isFree) throw besideAnother(hook)
      around.stderr.write(inertText`hook and secret are in ${repository}\n`)
    },
  }
}

const readText = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })

/** By the second line of every release's script; null: it is none of Mayfly's. */
const tellsWhom = (script: string | null): string | null =>
  /^#!\/bin\/sh\n# Mayfly: tells (\S+) about every push\./.exec(script ?? '')?.[1] ?? null

/**
 * All of it or nothing: a push may come at any moment. It belongs to whom the repository belongs to, who runs it.
 * SAFE: that may be somebody else than root, who calls this: the file is made anew, through no link that waits there, and
 * what is changed about it is changed through its own descriptor.
 */
const replace = async (
  path: string,
  text: string,
  { mode, owner }: { readonly mode: number; readonly owner: { readonly uid: number; readonly gid: number } },
): Promise<void> => {
  const fresh = `${path}.new`
  await rm(fresh, { force: true })
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(text)
    if (process.getuid?.() === 0) await file.chown(owner.uid, owner.gid)
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(fresh, path)
}

const besideAnother = (hook: string) =>
  fault('E_CONFLICT', {
    public: inertText`${hook} is somebody else's and stays as it is; Mayfly's lies beside it as post-receive-mayfly. Both read what was pushed from standard input: let yours keep it, refs=$(cat), and hand it on, printf '%s\\n' "$refs" | hooks/post-receive-mayfly`,
  })

const notWritten = (repository: string, cause: unknown) =>
  fault('E_INPUT', {
    public: inertText`${repository} has no directory hooks that you may write into: is it a bare repository?`,
    cause,
  })
