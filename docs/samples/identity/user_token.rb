# A Convoship `user_token` for the user who is signed in to your site. Needs nothing beyond Ruby.
# Run it on your server, never in the page: who has the secret can be anyone.
require "json"
require "openssl"

def convoship_encoded(bytes)
  [bytes].pack("m0").tr("+/", "-_").delete("=")
end

# The token, good for an hour; make a fresh one for each page load.
def convoship_user_token(user_id, name = "", email = "")
  claims = { sub: user_id, exp: Time.now.to_i + 3600, name: name, email: email }
  header = convoship_encoded(JSON.generate({ alg: "HS256", typ: "JWT" }))
  signed = "#{header}.#{convoship_encoded(JSON.generate(claims))}"
  signature = OpenSSL::HMAC.digest("SHA256", ENV.fetch("CONVOSHIP_IDENTITY_SECRET"), signed)
  "#{signed}.#{convoship_encoded(signature)}"
end

puts convoship_user_token(*ARGV) if $PROGRAM_NAME == __FILE__
