// What opens a page on a desktop: the program of the system for that, with the address as its argument, and nothing that a variable
// names (BROWSER): which browser it is, the desktop knows.
import { existsSync } from 'node:fs'
import { spawn } from '../sys/index.ts'
import { passedOn } from './passed-on.ts'

type Here = {
  readonly platform: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly exists?: (path: string) => boolean
}

/** null: there is no desktop, or nobody who opens pages on it. */
export const openerOf = ({ platform, environment, exists = existsSync }: Here): string | null => {
  const path = platform === 'darwin' ? '/usr/bin/open' : '/usr/bin/xdg-open'
  const hasScreen =
    platform === 'darwin' ? !environment.SSH_CONNECTION : environment.DISPLAY || environment.WAYLAND_DISPLAY
  return hasScreen && exists(path) ? path : null
}

const ofDesktops =
  /^(HOME|PATH|LANG|LC_\w+|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|DESKTOP_SESSION|KDE_\w+|GNOME_\w+)$/

/** Whether somebody was there to be asked; what comes of it shows on the screen. */
export const openPage = (opener: string | null, here: Here, address: string): Promise<boolean> => {
  if (opener === null || !/^https?:\/\//.test(address)) return Promise.resolve(false)
  const env = passedOn(here.environment, ofDesktops)
  // SAFE: a fixed program without a shell, and an address that begins with http.
  const child = spawn(opener, [address], { env, stdio: 'ignore', detached: true })
  child.unref()
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(true))
    child.once('error', () => resolve(false))
  })
}
