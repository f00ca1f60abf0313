// Addresses handed to the job instead of real ones: one of 198.18.0.0/15 per name, for the life of the gateway. The
// address a connection goes to then says which name was dialled.
import { fakeAddressesMax } from './limits.ts'

export interface FakeAddresses {
  /** The name's address, made when new; null when all are given away. */
  addressOf(name: string): string | null
  nameOf(address: string): string | null
}

export const createFakeAddresses = (max = fakeAddressesMax): FakeAddresses => {
  const addresses = new Map<string, string>()
  const names = new Map<string, string>()
  return {
    addressOf: (name) => {
      const known = addresses.get(name)
      if (known !== undefined) return known
      if (addresses.size >= max) return null
      const address = fakeAddress(addresses.size + 1)
      addresses.set(name, address)
      names.set(address, name)
      return address
    },
    nameOf: (address) => names.get(address) ?? null,
  }
}

const fakeAddress = (index: number): string =>
  `198.${18 + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`
