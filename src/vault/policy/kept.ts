// What a signer has left as it was: whoever signs without saying anything about it has it from the server, and the statement names it, so
// that words of the server which this vault does not have never become a signer's. Pure.
import { fault } from '../../base/faults.ts'
import { canonicalJson } from '../../seal/index.ts'

type Values = Readonly<Record<string, unknown>>

/** `before`: what the record says; null: there is none, and nothing that could stay. */
export const requireKept = (
  names: readonly string[] | undefined,
  before: Values | null,
  after: Values,
): void => {
  const other = names?.find((name) => before === null || textOf(before[name]) !== textOf(after[name]))
  if (other === undefined) return
  throw fault('E_STMT_KEPT', {
    public: `Nothing was changed: ${other} was to stay as it is, and the vault has it otherwise than whoever signed was shown`,
  })
}

/** All lists here are sets: whoever shows one may order it. */
const textOf = (value: unknown): string =>
  canonicalJson(Array.isArray(value) ? value.map((one) => canonicalJson(one)).sort() : (value ?? null))
