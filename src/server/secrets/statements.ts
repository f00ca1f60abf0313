// What a person signed, on its way to the vault: read as the shapes the vault reads, and written down when it was refused.
import { type Fault, fault, isFault } from '../../base/faults.ts'
import type { ProjectId } from '../../base/ids.ts'
import { parseShape, type Shape } from '../../base/shape.ts'
import { statement, statementProof } from '../../protocol/statement.ts'
import type { Actor } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'

export type Act = { readonly action: string; readonly target: string; readonly project?: ProjectId }

/** What the vault refuses for the sake of a signature is worth a line. */
export const orDenied = async <T>(db: Db, actor: Actor, act: Act, call: () => Promise<T>): Promise<T> => {
  try {
    return await call()
  } catch (error) {
    if (isDenied(error)) await writeAudit(db, actor, { ...act, result: 'denied', code: error.row.number })
    throw error
  }
}

const isDenied = (error: unknown): error is Fault => isFault(error) && error.row.status === 403

export const signed = (input: { readonly statement: unknown; readonly proof: unknown }) => ({
  statement: shaped(statement, input.statement),
  proof: shaped(statementProof, input.proof),
})

/** The vault would say the same; here it costs nothing. */
export const shaped = <T>(form: Shape<T>, value: unknown): T => {
  const parsed = parseShape(form, value)
  if (!parsed.ok) throw fault('E_INPUT', { public: parsed.problems.map(({ message }) => message).join('; ') })
  return parsed.value
}
