// What the statements of a test read: PostgreSQL's own account of each (auto_explain, sent as a notice), by table and way.
import type pg from 'pg'

/** One way of a statement to the rows of a table, and how many of them it looked at. */
export type Reading = { readonly way: string; readonly rows: number; readonly statement: string }

type Node = {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Node[]
}

/** `onConnect` is for the settings of a database. */
export const createRowsRead = () => {
  let readings: Reading[] = []
  let [isOn, heard] = [false, 0]
  const onConnect = (client: pg.PoolClient): void => {
    client.on('notice', ({ message = '' }) => {
      const json = message.indexOf('{')
      if (!isOn || !message.startsWith('duration:') || json === -1) return
      const { Plan: plan, 'Query Text': statement } = JSON.parse(message.slice(json))
      heard += 1
      readings.push(...readingsOf(plan, String(statement).replace(/\s+/g, ' ').trim()))
    })
    void client.query(explained)
  }
  return {
    onConnect,
    /** Of the statements while `work` lasts; a count of them, too, for a test that would not notice that nothing is told. */
    during: async (
      work: () => Promise<unknown>,
    ): Promise<{ readonly statements: number; readonly readings: readonly Reading[] }> => {
      ;[isOn, heard, readings] = [true, 0, []]
      await work()
      isOn = false
      return { statements: heard, readings }
    },
  }
}

const explained = `
  load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
  set auto_explain.log_timing = off; set auto_explain.log_format = json; set auto_explain.log_level = notice;
  set client_min_messages = notice`

const readingsOf = (node: Node, statement: string): Reading[] => {
  const { 'Relation Name': table, 'Index Name': index, Plans: below = [] } = node
  const passed =
    node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  const way = [node['Node Type'], table, index].filter((word) => word !== undefined).join(' ')
  const own =
    table === undefined && index === undefined
      ? []
      : [{ way, rows: passed * node['Actual Loops'], statement }]
  return [...own, ...below.flatMap((each) => readingsOf(each, statement))]
}
