// A passkey that signs statements (docs/decisions/0017): made for this purpose on this site, known to the vault by a code of
// the operator. The browser asks the person each time; nothing that a script could use lies in the browser.
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { SignerId } from '../../base/ids.ts'
import { sha256 } from '../../base/sha256.ts'
import type { Signer } from '../../protocol/api/secrets.ts'
import type { SignerKey, Statement, StatementProof } from '../../protocol/statement.ts'
import { signerId, signerMac, statementBytes, vaultMac } from '../../seal/index.ts'
import { type Api, ApiProblem } from '../state/api.ts'
import { text } from '../text/en.ts'
import { rememberVault } from './vault-memory.ts'

/** Browsers have passkeys on pages of https or localhost only, and an installation may be reached by neither. */
export const canSign = (): boolean => globalThis.isSecureContext && 'PublicKeyCredential' in globalThis

/** Ed25519, P-256, RSA: what authenticators have and the vault checks. */
const algorithms = [-8, -7, -257].map((alg) => ({ type: 'public-key' as const, alg }))
const askMs = 120_000

/** Makes a passkey and has the vault take it. */
export const enrolPasskey = async (
  api: Api,
  given: { readonly code: string; readonly name: string },
): Promise<SignerId> => {
  const key = await makePasskey(given.name)
  const answer = await api.call('signerEnroll', { body: { key, mac: await signerMac(given.code, key) } })
  const id = await signerId(fromBase64Url(key.public_key) ?? new Uint8Array(0))
  if (answer.mac !== (await vaultMac(given.code, { signer: id, vsign: answer.vsign })))
    throw new ApiProblem({ title: text.secrets.vaultForged, status: 0, code: 'MF5017' })
  rememberVault(answer.vsign, { isProven: true })
  return id
}

const makePasskey = async (name: string): Promise<SignerKey> => {
  const { hostname: rp, origin } = window.location
  const made = await navigator.credentials.create({
    publicKey: {
      rp: { id: rp, name: text.product },
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name, displayName: name },
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: algorithms,
      authenticatorSelection: { userVerification: 'required', residentKey: 'preferred' },
      timeout: askMs,
    },
  })
  const response = made instanceof PublicKeyCredential ? made.response : null
  const publicKey = response instanceof AuthenticatorAttestationResponse ? response.getPublicKey() : null
  if (!(made instanceof PublicKeyCredential) || publicKey === null)
    throw new ApiProblem({ title: text.signIn.unsupported, status: 0, code: 'MF4032' })
  return {
    ...{ kind: 'webauthn', name, rp, origin, public_key: toBase64Url(new Uint8Array(publicKey)) },
    credential: toBase64Url(new Uint8Array(made.rawId)),
  }
}

/** Asks the person; the challenge is the statement itself. */
export const signByPasskey = async (signer: Signer, statement: Statement): Promise<StatementProof> => {
  const credential = fromBase64Url(signer.credential ?? '')
  const asked = await navigator.credentials.get({
    publicKey: {
      challenge: new Uint8Array(sha256(statementBytes(statement))),
      rpId: window.location.hostname,
      allowCredentials: credential === null ? [] : [{ type: 'public-key', id: credential }],
      userVerification: 'required',
      timeout: askMs,
    },
  })
  const response = asked instanceof PublicKeyCredential ? asked.response : null
  if (!(response instanceof AuthenticatorAssertionResponse))
    throw new ApiProblem({ title: text.signIn.unsupported, status: 0, code: 'MF4032' })
  return {
    kind: 'webauthn',
    authenticator_data: toBase64Url(new Uint8Array(response.authenticatorData)),
    client_data: toBase64Url(new Uint8Array(response.clientDataJSON)),
    sig: toBase64Url(new Uint8Array(response.signature)),
  }
}

/** As the command line prints it. */
export const fingerprintOf = (vsign: string): string =>
  `SHA256:${toBase64Url(sha256(fromBase64Url(vsign) ?? utf8('')))}`
