<?php
// A Convoship `user_token` for the user who is signed in to your site. Needs nothing beyond PHP.
// Run it on your server, never in the page: who has the secret can be anyone.

function convoship_encoded(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** The token, good for an hour; make a fresh one for each page load. */
function convoship_user_token(string $userId, string $name = '', string $email = ''): string
{
    $claims = ['sub' => $userId, 'exp' => time() + 3600, 'name' => $name, 'email' => $email];
    $header = convoship_encoded(json_encode(['alg' => 'HS256', 'typ' => 'JWT']));
    $signed = $header . '.' . convoship_encoded(json_encode($claims, JSON_THROW_ON_ERROR));
    $signature = hash_hmac('sha256', $signed, getenv('CONVOSHIP_IDENTITY_SECRET'), true);
    return $signed . '.' . convoship_encoded($signature);
}

if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    echo convoship_user_token(...array_slice($argv, 1)), "\n";
}
