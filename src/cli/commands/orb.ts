// The orb store of the installation: put a source there under its exact id, list what is there, read one.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import { checkOrb } from '../../compile/index.ts'
import { connect } from '../api/connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { writeFindings } from '../problems/formats.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean }

/** What is wrong in it is said with the lines of the file; the server would refuse it, too. */
export const addOrb = async (
  around: Surroundings,
  flags: Flags,
  id: string,
  file: string,
): Promise<number> => {
  const text = await readFile(resolve(around.cwd, file), 'utf8').catch((cause) => {
    throw fault('E_NOT_FOUND', { public: `there is no ${file}`, cause })
  })
  const checked = checkOrb({ path: file, text })
  if (!checked.ok) {
    const findings = { files: [{ path: file, problems: checked.problems }], strict: false }
    around.stdout.write(writeFindings(flags.json === true ? 'json' : 'human', findings, around))
    return exitCodes.invalidConfiguration
  }
  const orb = await (await connect(around)).call('orbPut', { body: { id, text } })
  around.stdout.write(
    flags.json === true ? `${JSON.stringify(orb)}\n` : inertText`${orb.id}  sha256:${orb.sha256}\n`,
  )
  if (flags.json !== true) around.stderr.write(inertText`${checked.elements.join(', ')}\n`)
  return 0
}

export const listOrbs = async (around: Surroundings, flags: Flags): Promise<number> => {
  const page = await (await connect(around)).all('orbs', {})
  if (flags.json === true) around.stdout.write(`${JSON.stringify(page)}\n`)
  else
    writeTable(
      around.stdout,
      ['ORB', 'SHA-256', 'KIB', 'ADDED', 'BY'],
      page.items.map((orb) => [
        orb.id,
        orb.sha256.slice(0, 12),
        String(Math.ceil(orb.bytes / 1024)),
        orb.added_at.slice(0, 10),
        orb.added_by_name,
      ]),
    )
  return 0
}

/** Its source as it is, so that it can be piped into a file or a pager. */
export const showOrb = async (around: Surroundings, flags: Flags, id: string): Promise<number> => {
  const source = await (await connect(around)).call('orbSource', { query: { id } })
  around.stdout.write(flags.json === true ? `${JSON.stringify(source)}\n` : source.text)
  return 0
}
