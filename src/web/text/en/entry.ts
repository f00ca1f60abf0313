// Coming in: the claim of a new installation, signing in, and proving anew that it is you.
import type { RouteName, routes } from '../../../protocol/api/routes.ts'
import { count } from './words.ts'

type Routes = typeof routes
/** The acts that ask for a proof: one without words does not compile. */
type Proven = { [N in RouteName]: Routes[N] extends { provenAnew: true } ? N : never }[RouteName]

export const entryText = {
  whomToAsk: 'Owners:',
  proof: {
    title: 'Is it you?',
    why: 'You last proved it more than ten minutes ago. What you asked for is done as soon as you have proven it.',
    passkey: 'Use a passkey',
    password: 'Continue',
    leave: 'Do not do it',
    other: 'Something only you may do',
    acts: {
      tokenCreate: 'Make an API token',
      tokenRevoke: 'Revoke an API token',
      passkeyOptions: 'Add a passkey to your account',
      passkeyAdd: 'Add a passkey to your account',
      passkeyRemove: 'Remove a passkey of your account',
      memberChange: 'Change what a member may do',
      memberSignOut: 'Sign a member out everywhere',
      invitationCreate: 'Make a link that lets somebody in',
      invitationRevoke: 'Take an invitation back',
      organisationSet: 'Change settings of the organisation',
      projectSet: 'Change settings of a project',
      projectRemove: 'Remove a project with all that it has',
      projectHookRotate: 'Make a new hook secret',
      projectHostKeys: 'Trust the key of a source host',
      orbPut: 'Put an orb into the store, for every configuration that names it',
      signerEnroll: 'Let a key sign secrets',
      webhookAdd: 'Tell somebody else what happens to runs',
      webhookSet: 'Change whom a webhook tells',
      webhookRotate: 'Make a new secret of a webhook',
      proposalWithdraw: 'Take back a change that waits for a second person',
    } satisfies Record<Proven, string>,
  },

  claim: {
    title: 'Claim this installation',
    why: 'You become its owner. The link works once.',
    name: 'Your name',
    email: 'E-mail',
    emailHint: 'You sign in with it. Nothing is sent.',
    passkey: 'Continue with a passkey',
    passkeyHint:
      'This device, a phone or a security key proves it is you. Nothing to remember, nothing to phish.',
    usePassword: 'Use a password instead',
    usePasskey: 'Use a passkey instead',
    password: 'Password',
    passwordHint: 'At least 12 characters. Length counts, symbols do not.',
    passwordShort: (missing: number) => `${count(missing, 'more character', 'more characters')} needed.`,
    create: 'Create the owner',
    noToken: 'A claim link is needed',
    noTokenText: 'Nobody can claim this installation without its terminal. There, run:',
    command: 'mayfly up',
    noTokenThen: 'and open the link it prints. A link works for 30 minutes.',
    done: 'This installation has an owner already.',
    signedIn: 'You are signed in as',
  },

  lastSignIn: {
    before: 'You last signed in',
    from: (address: string) => `from ${address}`,
    notYou: 'Not you? See your sessions',
  },

  signIn: {
    title: 'Sign in',
    passkey: 'Sign in with a passkey',
    or: 'or',
    next: 'Continue',
    email: 'E-mail',
    password: 'Password',
    submit: 'Sign in',
    lost: 'Lost your passkey or password?',
    lostText:
      'Any other passkey of yours, or your password, still signs you in. Otherwise an owner of this installation makes an invitation under another address, and disables the account you lost.',
    lostOwner: 'Is the only owner locked out? Whoever runs the machine makes an invitation there:',
    lostCommand: 'mayfly member invite --role owner',
    cancelled: 'The passkey was not given. Try again, or another way.',
    unsupported:
      'This browser has no passkeys here. Use localhost rather than an IP address, or another way.',
  },
}
