"""What `make check` asks of the template beside cfn-lint. Nothing here is deployed."""
