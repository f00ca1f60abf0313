// `mayfly vault signer-code`: the operator's word for a new signer. Added to the program by main/supervisor.ts.
import type { Command } from 'commander'
import { isFault } from '../base/faults.ts'
import type { Layout } from '../supervisor/index.ts'

export const addVaultCommands = (
  program: Command,
  layoutOf: (data: string | undefined) => Promise<Layout>,
): void => {
  program
    .command('vault')
    .description('the vault of the installation on this machine')
    .command('signer-code')
    .description('a one-time code that enrols a signer: mayfly secrets signer enrol')
    .option('--data <dir>', 'the one whose data lies there')
    .action(async (flags: { data?: string }) => {
      const { makeSignerCode } = await import('../supervisor/index.ts')
      try {
        console.log(await makeSignerCode(await layoutOf(flags.data)))
        console.error('Good once, for 30 minutes, until the next code or a restart of the vault.')
      } catch (error) {
        if (!isFault(error)) throw error
        console.error(`mayfly: ${error.public}  [${error.row.number}]`)
        process.exitCode = error.row.exit
      }
    })
}
