// Links, cookies and passkeys assume that an installation owns its whole origin: who writes its address and who uses it judge alike.
export const isPlainOrigin = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { username, password, pathname, search, hash } = new URL(text)
  return `${username}${password}${search}${hash}` === '' && pathname === '/'
}
