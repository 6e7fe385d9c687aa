/** The package that writes YAML is only there if the application installs it. */
export class YamlMissingError extends Error {
  override readonly name = 'YamlMissingError';

  constructor(cause: unknown) {
    super('YAML needs the package yaml; install it: npm install yaml', { cause });
  }
}

/**
 * Writes a document as YAML.
 *
 * @throws {YamlMissingError} if the package that does it is not installed
 */
export async function toYaml(document: object): Promise<string> {
  const { stringify } = await import('yaml').catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
      ? new YamlMissingError(cause)
      : cause;
  });
  // Written out where it is used: few tools know YAML's aliases.
  return stringify(document, { aliasDuplicateObjects: false });
}
