// Coming in: the claim of a new installation, and signing in.
import { count } from './words.ts'

export const entryText = {
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

  signIn: {
    title: 'Sign in',
    passkey: 'Sign in with a passkey',
    or: 'or with a password',
    email: 'E-mail',
    password: 'Password',
    submit: 'Sign in',
    cancelled: 'The passkey was not given. Try again, or use your password.',
    unsupported: 'This browser has no passkeys here. Use localhost rather than an IP address, or a password.',
  },
}
