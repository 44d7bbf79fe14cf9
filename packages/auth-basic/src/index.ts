// The middleware.
export { basicAuth, type BasicAuthOptions, basicUser } from "./basic-auth.ts";
export { knownUsers } from "./known-users.ts";

// Hooks of every transport.
export { authorization, authorizationFromHeader, credentialsToHeader } from "./header.ts";
