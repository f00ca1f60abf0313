// `mayfly runner list`: the machines that carry out jobs, and what each offers.
import { connect } from '../api/connect.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

export const listRunners = async (
  around: Surroundings,
  flags: { readonly json?: boolean },
): Promise<number> => {
  const page = await (await connect(around)).all('runners', {})
  if (flags.json) {
    around.stdout.write(`${JSON.stringify(page)}\n`)
    return 0
  }
  writeTable(
    around.stdout,
    ['RUNNER', 'STATUS', 'RUNNING', 'DRIVER', 'TIER', 'LAST SEEN'],
    page.items.map(({ name, status, running, facts, last_seen_at: seen }) => [
      ...[name, status, String(running), wordOf(facts?.driver), wordOf(facts?.tier), seen ?? 'never'],
    ]),
  )
  return 0
}

/** What a runner said of itself. */
const wordOf = (value: unknown): string => (typeof value === 'string' ? value : '-')
