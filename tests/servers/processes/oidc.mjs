// oidc-provider on 127.0.0.1. Only configuration is here: every answer of the protocol comes from the package.
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const port = Number(process.env.PORT);
const lifetime = Number(process.env.ACCESS_TTL ?? 60);
const issuer = `http://127.0.0.1:${port}`;
const redirect_uris = [process.env.CALLBACK];
const grant_types = ['authorization_code', 'refresh_token'];
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  clients: [
    // A secret that must be form-encoded before it goes into Basic.
    { client_id: 'web-basic', client_secret: 'web:se/cret+%', redirect_uris, grant_types, token_endpoint_auth_method: 'client_secret_basic' },
    { client_id: 'web-post', client_secret: 'post-secret', redirect_uris, grant_types, token_endpoint_auth_method: 'client_secret_post' },
    // A public client on a person's own machine: any port of 127.0.0.1 (RFC 8252).
    { client_id: 'desk', application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], grant_types, token_endpoint_auth_method: 'none' },
    { client_id: 'm2m', client_secret: 'm2m-secret', redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: 'api:read' },
    // Is told by the provider itself, past the browser, when a person has signed out.
    ...(process.env.LOGOUT ? [{ client_id: 'told', client_secret: 'told-secret', redirect_uris, grant_types, token_endpoint_auth_method: 'client_secret_post', backchannel_logout_uri: process.env.LOGOUT, backchannel_logout_session_required: true }] : []),
    // Clients that sign with a key of their own, one for each algorithm.
    ...Object.entries(JSON.parse(process.env.SIGNERS ?? '{}')).map(([alg, jwk]) => ({
      client_id: `signer-${alg}`, redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: 'api:read',
      token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: alg, jwks: { keys: [jwk] },
    })),
    { client_id: 'sharer', client_secret: 'a shared secret of at least 32 bytes', redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: 'api:read', token_endpoint_auth_method: 'client_secret_jwt', token_endpoint_auth_signing_alg: 'HS256' },
  ],
  jwks: { keys: [{ ...key, kid: 'sig', use: 'sig', alg: 'RS256' }] },
  scopes: ['openid', 'offline_access', 'email', 'api:read'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  pkce: { required: () => false },
  features: { devInteractions: { enabled: true }, clientCredentials: { enabled: true }, introspection: { enabled: true }, backchannelLogout: { enabled: true } },
  fetch: (url, { dispatcher, ...options }) => fetch(url, options), // its own dispatcher refuses loopback addresses
  rotateRefreshToken: true,
  ttl: { AccessToken: lifetime, ClientCredentials: lifetime, AuthorizationCode: 30, RefreshToken: 3600, Interaction: 600, Session: 3600, Grant: 3600, IdToken: 600 },
  findAccount: async (context, sub) => ({ accountId: sub, claims: async () => ({ sub, email: `${sub}@example.com`, email_verified: true }) }),
});
provider.listen(port, '127.0.0.1', () => console.log('ready', issuer));
