/** That of this package. A test holds it to package.json's. */
export const version = '0.1.0';
