// Builds the browser side for tests that look at it, as people get it. A build takes about a second.
import { build } from 'vite'

export const webRoot = 'build/web'

export const buildWeb = async (): Promise<void> => {
  await build({ logLevel: 'error' })
}
