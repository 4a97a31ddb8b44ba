# description: Debian 12 with Lua, Ruby and PHP
# needs: mmdebstrap=mmdebstrap
#
# For Tests/programs. See images/base for what a recipe is and images/debian.sh for what the Debian ones share.

. "$1/debian.sh"
packages="lua5.4 ruby php-cli"

inputs() { debian_inputs; }

tree() { debian_tree "$1"; }
