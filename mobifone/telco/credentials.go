package telco

import (
	"crypto"
	"time"
)

// Credentials is what MobiFone gave the shop chain. Which fields are needed
// depends on the contract's authentication scheme.
type Credentials struct {
	APIKey     Secret           // api-key schemes and HMAC
	Secret     Secret           // HMAC key
	Username   string           // schemes bearer and password
	Password   Secret           // schemes bearer and password
	PrivateKey crypto.Signer    // RSA-SHA256
	VerifyKey  crypto.PublicKey // MobiFone's, where it signs its replies with RSA
	ExpiresAt  time.Time        // when a provider must be asked again; zero means never
}
