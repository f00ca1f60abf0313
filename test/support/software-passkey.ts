// An authenticator in software (ES256, attestation none, user verified), for tests of the server's half of WebAuthn.
// Browsers with a virtual authenticator test both halves end to end.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

type Site = { readonly origin: string; readonly hostname: string }
type Options = { readonly challenge: string; readonly user?: { readonly id: string } }

const userPresent = 0x01
const userVerified = 0x04
const attestedData = 0x40

export const createSoftwarePasskey = (site: Site) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(32)
  const state = { counter: 0, userHandle: '' }
  const authenticatorData = (flags: number, rest: Buffer = Buffer.alloc(0)) => {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(++state.counter)
    return Buffer.concat([sha256(site.hostname), Buffer.of(flags), counter, rest])
  }
  const credential = (response: object) => ({
    id: id.toString('base64url'),
    rawId: id.toString('base64url'),
    type: 'public-key',
    clientExtensionResults: {},
    response,
  })
  return {
    register: (options: Options, changes: { readonly origin?: string; readonly verified?: boolean } = {}) => {
      state.userHandle = options.user?.id ?? ''
      const flags = userPresent | attestedData | (changes.verified === false ? 0 : userVerified)
      const data = authenticatorData(flags, attestedCredential(id, publicKey))
      return credential({
        clientDataJSON: clientData('webauthn.create', options, changes.origin ?? site.origin),
        attestationObject: attestation(data).toString('base64url'),
        transports: ['internal'],
      })
    },
    assert: (options: Options, changes: { readonly origin?: string; readonly verified?: boolean } = {}) => {
      const data = authenticatorData(userPresent | (changes.verified === false ? 0 : userVerified))
      const clientDataJSON = clientData('webauthn.get', options, changes.origin ?? site.origin)
      const signed = Buffer.concat([data, sha256(Buffer.from(clientDataJSON, 'base64url'))])
      return credential({
        clientDataJSON,
        authenticatorData: data.toString('base64url'),
        signature: sign('sha256', signed, privateKey).toString('base64url'),
        userHandle: state.userHandle,
      })
    },
  }
}

const sha256 = (bytes: string | Buffer): Buffer => createHash('sha256').update(bytes).digest()

const clientData = (type: string, { challenge }: Options, origin: string): string =>
  Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false })).toString('base64url')

/** AAGUID of zeros, the id, the public key as COSE (RFC 9053 §7.1.1). */
const attestedCredential = (id: Buffer, publicKey: KeyObject): Buffer => {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const coordinate = (text: string) => Buffer.concat([Buffer.of(0x58, 32), Buffer.from(text, 'base64url')])
  const cose = Buffer.concat([
    Buffer.from('a5010203262001', 'hex'),
    Buffer.of(0x21),
    coordinate(x),
    Buffer.of(0x22),
    coordinate(y),
  ])
  return Buffer.concat([Buffer.alloc(16), Buffer.of(0, id.length), id, cose])
}

/** CBOR of `{fmt: "none", attStmt: {}, authData}`. */
const attestation = (data: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('a363666d74646e6f6e656761747453746d74a0686175746844617461', 'hex'),
    Buffer.of(0x58, data.length),
    data,
  ])
