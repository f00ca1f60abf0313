// What organisations demand of whoever loosens their rules about secrets, and what waits for a second signature, in the HTTP API.
import * as z from 'zod'
import { signedBy } from './secrets.ts'

const time = z.string()

export const secretRules = z.object({
  /** What lets more jobs have a secret, or for longer, takes two people. */
  two_person: z.boolean(),
  /** How many different people the operator named among the signers. */
  people: z.number(),
  /** When that was said last; null: never. */
  changed_at: time.nullable(),
  /** `prev` of the next statement. */
  head: z.string().nullable(),
})
export type SecretRules = z.infer<typeof secretRules>

export const secretRulesSet = signedBy(z.literal('rules.set'), z.strictObject({ two_person: z.boolean() }))
export type SecretRulesSet = z.infer<typeof secretRulesSet>

export const proposal = z.object({
  id: z.string(),
  kind: z.enum(['secret.put', 'secret.set', 'context.put', 'rules.set', 'project.admit']),
  /** Whose secret it is about, with its name; null of a context's rules and of those of the organisation. */
  secret: z
    .object({ name: z.string(), project: z.string().nullable(), context: z.string().nullable() })
    .nullable(),
  /** As it was signed. Whoever signs it too computes the digest of this, and believes no other. */
  statement: z.record(z.string(), z.unknown()),
  proposed_by: z.string(),
  proposed_at: time,
  expires_at: time,
})
export type Proposal = z.infer<typeof proposal>

export const proposalSign = signedBy(z.literal('countersign'), z.strictObject({}))
export type ProposalSign = z.infer<typeof proposalSign>
