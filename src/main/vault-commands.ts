// What the operator asks of the vault of this machine: `mayfly vault signer-code|signer-person|signer-lost|rotate`, `mayfly oidc export`.
// Added to the program by main/operator-commands.ts.
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Layout } from '../supervisor/index.ts'
import { sayFault } from './say-fault.ts'

type Flags = { readonly data?: string }
type LayoutOf = (data: string | undefined) => Promise<Layout>

export const addVaultCommands = (program: Command, layoutOf: LayoutOf): void => {
  const vault = program.command('vault').description('the vault of the installation on this machine')
  vault
    .command('signer-code')
    .description('a one-time code that enrols a signer: mayfly secrets signer enrol')
    .option('--data <dir>', 'the one whose data lies there')
    .action((flags: Flags) =>
      carryOut(async () => {
        const { makeSignerCode } = await import('../supervisor/index.ts')
        console.log(await makeSignerCode(await layoutOf(flags.data)))
        console.error('Good once, for 30 minutes, until the next code or a restart of the vault.')
      }),
    )
  vault
    .command('signer-person <signer> <person>')
    .description(
      'say whose key a signer is, in small letters: where two people are demanded, keys of one are one',
    )
    .option('--data <dir>', 'the one whose data lies there')
    .action((signer: string, person: string, flags: Flags) =>
      carryOut(async () => {
        const { nameSigner } = await import('../supervisor/index.ts')
        await nameSigner(await layoutOf(flags.data), { signer, person })
      }),
    )
  vault
    .command('signer-lost <signer>')
    .description('believe a key no more that nobody has any longer, without a signature')
    .option('--data <dir>', 'the one whose data lies there')
    .action((signer: string, flags: Flags) =>
      carryOut(async () => {
        const { loseSigner } = await import('../supervisor/index.ts')
        await loseSigner(await layoutOf(flags.data), signer)
        console.error('What it signed stays. Enrol a new one: mayfly vault signer-code')
      }),
    )
  vault
    .command('rotate')
    .description('a new key from now on')
    .requiredOption('--oidc', 'the key that identity tokens are signed with')
    .option('--data <dir>', 'the one whose data lies there')
    .action((flags: Flags) =>
      carryOut(async () => {
        const { rotateIdentityKey } = await import('../supervisor/index.ts')
        console.log(await rotateIdentityKey(await layoutOf(flags.data)))
        console.error('The old key is published until its last token has expired, in a quarter of an hour.')
        console.error(
          'Where the issuer is a static site: mayfly oidc export, before the next job asks for a token.',
        )
      }),
    )
  addExport(program, layoutOf)
}

/** Beside the verbs of `oidc` that ask the server. */
const addExport = (program: Command, layoutOf: LayoutOf): void => {
  const oidc = program.commands.find((command) => command.name() === 'oidc') ?? program.command('oidc')
  oidc
    .command('export <dir>')
    .description('what issuers publish, as files for a static site: from the vault of this machine')
    .option('--data <dir>', 'the one whose data lies there')
    .action((directory: string, flags: Flags) =>
      carryOut(async () => {
        const { exportIssuers } = await import('../supervisor/index.ts')
        const issuers = await exportIssuers(await layoutOf(flags.data), resolve(directory))
        console.log(issuers.join('\n'))
      }),
    )
}

const carryOut = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    process.exitCode = sayFault(error)
  }
}
