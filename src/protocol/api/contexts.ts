// Contexts in the HTTP API (zod twins of protocol/contexts.ts, which the vault checks by itself).
import * as z from 'zod'
import { contextRoles } from '../contexts.ts'
import { keptByContext } from '../statement.ts'
import { signedBy } from './secrets.ts'

const id = z.string().max(40)
const time = z.string()

const rules = {
  /** `default`: the default branch of the project that asks. Else globs over full refs. */
  refs: z.array(z.string().min(1).max(255)).min(1).max(20),
  /** null: whoever or whatever began the run. */
  roles: z.array(z.enum(contextRoles)).min(1).max(contextRoles.length).nullable(),
}

export const context = z.object({
  id,
  name: z.string(),
  state: z.enum(['active', 'deleted']),
  /** null: all of the organisation. */
  projects: z.array(z.object({ id, name: z.string() })).nullable(),
  ...rules,
  created_at: time,
  changed_at: time,
  signer: z.object({ id, name: z.string() }),
  /** `prev` of the next statement. */
  head: z.string(),
})
export type Context = z.infer<typeof context>

export const contextPut = signedBy(
  z.literal('context.put'),
  z.strictObject({
    name: z.string().min(1).max(64),
    projects: z.union([z.literal('*'), z.array(id).max(100)]),
    ...rules,
    /** What was to stay as it is: refused where the vault has it otherwise. */
    keeps: z.array(z.enum(keptByContext)).min(1).max(keptByContext.length).exactOptional(),
  }),
)
export type ContextPut = z.infer<typeof contextPut>

export const contextDelete = signedBy(z.literal('context.delete'), z.strictObject({}))
export type ContextDelete = z.infer<typeof contextDelete>
