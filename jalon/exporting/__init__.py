"""What is given out whole: archives of what is held on a person, or by a tenant."""
