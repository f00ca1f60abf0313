// Samples of one commit, asked for by `npm run bench -- --against` on a line of standard input each and answered on a line of
// standard output. It runs in the checkout that it measures: node bench/against/worker.ts DIRECTORY
import { createInterface } from 'node:readline'
import { holdInstallation } from '../held-installation.ts'
import { nameOf, type Scenario } from '../scenario.ts'
import type { Answer, Order } from './wire.ts'

const [directory = ''] = process.argv.slice(2)
const held = holdInstallation(directory)
let open: { readonly scenario: Scenario; readonly state: unknown } | null = null

// An interrupt from the terminal goes to everyone: whoever asks ends what is here.
process.on('SIGINT', () => undefined)

const close = async (): Promise<void> => {
  const closing = open
  open = null
  await closing?.scenario.tearDown?.(closing.state)
}

/** Only the file that is asked for is loaded: an older commit may lack what another one imports. */
const find = async (name: string): Promise<Scenario> => {
  const [id = ''] = name.split(' ', 1)
  const { scenarios } = (await import(`../scenarios/${id.toLowerCase()}.ts`)) as {
    readonly scenarios: readonly Scenario[]
  }
  const found = scenarios.find((scenario) => nameOf(scenario) === name)
  if (!found) throw new Error(`there is no ${name}`)
  return found
}

const carryOut = async (order: Order): Promise<Answer> => {
  if (order.do === 'sample') {
    if (open === null) throw new Error('nothing is open')
    return { value: await open.scenario.subject(open.state) }
  }
  await close()
  if (order.do === 'open') {
    const scenario = await find(order.name)
    open = { scenario, state: await scenario.setUp?.({ directory, installation: held.installation }) }
  }
  return { value: 0 }
}

for await (const line of createInterface(process.stdin)) {
  const answer = await carryOut(JSON.parse(line) as Order).catch(
    (error: unknown): Answer => ({ error: error instanceof Error ? error.message : String(error) }),
  )
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await close()
await held.close()
