# Heroku's dynos read this: the buildpack leaves the program in target/release.
export PATH="$HOME/target/release:$PATH"
